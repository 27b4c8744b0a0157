"""Read a chat: what is asked, of which material, within which limits."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from langchain_core.messages import BaseMessage

from nodes.models.offline.text import content, sentences, terms
from nodes.models.offline.words import NUMBERS, TASK_WORDS

_BLOCK = re.compile(r"^<(\w+)>\n(.*?)\n?</\1>$", re.DOTALL | re.MULTILINE)
_NUMBER = rf"(?:\d+|{'|'.join(NUMBERS)})"
_AT_MOST = r"at most|no more than|up to|not more than|maximum(?: of)?|max\.?|within|<=|≤|in"
_BELOW = r"under|below|less than|fewer than|shorter than|<"
_AT_LEAST = r"at least|no fewer than|not less than|minimum(?: of)?|min\.?|>=|≥"
_MARKED_ITEM = re.compile(
    r"^[^\S\n]*(?:\[(?P<bracket>[^\[\]\n]{1,120})\]|(?P<number>\d{1,3})[.):]"
    r"|(?P<label>[A-Za-z][\w./#-]{0,80}):|[-*•])\s+",
    re.MULTILINE,
)
_TAGGED_ITEM = re.compile(
    r"<(?P<tag>\w+)\s+\w+=[\"'](?P<id>[^\"']+)[\"'][^>]*>(?P<text>.*?)</(?P=tag)>", re.DOTALL
)
_SHORT = 60
"""Characters that a topic may have in a sentence."""
_IDS = ("id", "key", "sku", "number", "index", "source", "url", "name", "title")
_TOLD = frozenset({"audience", "language", "outline", "style", "taken"})
_ASKED = frozenset({"question", "query", "topic", "title", "section", "purpose", "subject"})


class Item(NamedTuple):
    """One of several things listed in a prompt: a passage, an option, a catalogue entry."""

    id: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """What the model was told, and what it was given."""

    instructions: str
    blocks: dict[str, str]
    """The delimited data by name."""
    images: int
    seed: int
    """Equal for equal messages and settings, in any process."""

    @cached_property
    def material(self) -> str:
        """All the data that is there to be worked on."""
        given = [text for name, text in self.blocks.items() if name not in _TOLD]
        return "\n\n".join(given)

    @cached_property
    def sources(self) -> dict[str, str]:
        """The data that can be quoted: all but what only says what is wanted.

        A topic may be a whole text, and then it is one; a section's brief is none.
        """
        asked = _ASKED | ({"brief"} if "title" in self.blocks else set())
        return {
            name: text
            for name, text in self.blocks.items()
            if name not in _TOLD and (name not in asked or len(sentences(text)) > 2)
        }

    @cached_property
    def source(self) -> str:
        """The data that can be quoted, as one text."""
        return "\n\n".join(self.sources.values())

    @cached_property
    def wanted(self) -> str:
        """The data that only says what is wanted: a question, a topic, a section's title."""
        given = (v for k, v in self.blocks.items() if k not in _TOLD and k not in self.sources)
        return "\n".join(given)

    @cached_property
    def topic(self) -> str:
        """What it is about, in a few words."""
        for name in ("title", "section", "topic", "subject", "question", "query"):
            if name in self.blocks:
                return _brief(self.blocks[name])
        return _brief(self.material)

    @cached_property
    def question(self) -> str:
        """The question, where there is one."""
        for name in ("question", "query"):
            if name in self.blocks:
                return self.blocks[name]
        asked = [each for each in sentences(self.material) if each.endswith("?")]
        return asked[0] if asked else ""

    @cached_property
    def subject(self) -> frozenset[str]:
        """The stems of the instructions' own words, without those that any instructions have."""
        return frozenset(content(self.instructions)) - TASK_WORDS - set(self.blocks)

    @cached_property
    def items(self) -> list[Item]:
        """The passages that can be cited; a block without ids of its own is one passage."""
        return [item for name, text in self.sources.items() for item in passages(name, text)]

    def rng(self, purpose: str) -> random.Random:
        """Give the random numbers of one choice: the same for the same prompt and settings."""
        return random.Random(f"{self.seed} {purpose}")

    def limits(self, unit: str) -> tuple[int | None, int | None]:
        """Return how few and how many of something the instructions allow."""
        return limits(self.instructions, unit)


def read(messages: Sequence[BaseMessage], settings: Sequence[Any] = ()) -> Prompt:
    """Read a chat. The system messages instruct; blocks of the others are data and no more.

    A chat without a system message instructs by what stands outside its blocks.
    """
    told = [str(message.text) for message in messages if message.type == "system"]
    given = "\n\n".join(str(message.text) for message in messages if message.type != "system")
    blocks = {match[1]: match[2] for match in _BLOCK.finditer(given)}
    outside = _BLOCK.sub("", given).strip()
    if not blocks and outside:
        blocks = {"text": outside}
    seed = hashlib.sha256(repr([told, given, *settings]).encode("utf-8", "replace")).digest()
    return Prompt(
        instructions="\n".join(told) or outside,
        blocks=blocks,
        images=sum(_images(message) for message in messages),
        seed=int.from_bytes(seed[:8], "big"),
    )


def limits(text: str, unit: str) -> tuple[int | None, int | None]:
    """Find how few and how many `unit` (a pattern) a text asks for, each None where it does not.

    Reads "at most 160 characters", "5-10 key terms", "between three and six sections",
    "exactly three questions", "under 60 characters".
    """
    pattern = re.compile(
        rf"(?:(?P<how>{_AT_MOST}|{_BELOW}|{_AT_LEAST})\s+)?(?<![\w.])(?P<a>{_NUMBER})"
        rf"(?:\s*(?:-|–|to|and|or)\s*(?P<b>{_NUMBER}))?[\s-]+(?:[\w-]+\s+){{0,2}}?(?:{unit})\b",  # noqa: RUF001
        re.IGNORECASE,
    )
    low: int | None = None
    high: int | None = None
    for match in pattern.finditer(text):
        first, second = _int(match["a"]), _int(match["b"] or match["a"])
        how = (match["how"] or "").lower()
        if how and re.fullmatch(_AT_LEAST, how):
            low = first
        elif how and re.fullmatch(_BELOW, how):
            high = second - 1
        elif how and match["b"] is None:
            high = second
        else:
            low, high = min(first, second), max(first, second)
    return low, high


def listed(text: str) -> list[Item]:
    """Read a list: JSON, `<x id="...">` elements, or lines that start with an id; else nothing."""
    items = _from_json(text) or [
        Item(match["id"], match["text"].strip()) for match in _TAGGED_ITEM.finditer(text)
    ]
    return items or _from_lines(text)


def passages(name: str, text: str) -> list[Item]:
    """Cut a block into passages where it gives them ids; a document's own lists are no passages."""
    marked = text.lstrip().startswith(("[", "{", "<"))
    return (listed(text) if marked else []) or [Item(name, text)]


def _from_json(text: str) -> list[Item]:
    if not text.lstrip().startswith(("[", "{")):
        return []
    try:
        value = json.loads(text)
    except ValueError:
        return []
    if isinstance(value, dict):
        return [Item(str(key), _flat(each)) for key, each in value.items()]
    items = []
    for number, each in enumerate(value, start=1):
        names = [key for key in _IDS if isinstance(each, dict) and key in each]
        rest = {k: v for k, v in each.items() if k not in names[:1]} if names else each
        items.append(Item(str(each[names[0]]) if names else str(number), _flat(rest or each)))
    return items


def _from_lines(text: str) -> list[Item]:
    starts = list(_MARKED_ITEM.finditer(text))
    if len(starts) < 2 and not (starts and starts[0]["bracket"]):
        return []
    items = []
    for number, (start, after) in enumerate(zip(starts, [*starts[1:], None], strict=True), 1):
        body = text[start.end() : after.start() if after else len(text)].strip()
        name = start["bracket"] or start["number"] or start["label"] or str(number)
        items.append(Item(name.strip(), body))
    return items


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ". ".join(_flat(each) for each in value.values())
    return "; ".join(map(_flat, value)) if isinstance(value, list) else str(value)


def _brief(text: str) -> str:
    """Cut a text's first sentence to what it is about; its subject comes first."""
    first = next(iter(sentences(text)), "").rstrip(".!?: ")
    if len(first) <= _SHORT:
        return first
    head = re.split(r"[:;,(–—]| who | that | which | where | because ", first)[0]  # noqa: RUF001
    if len(head) <= _SHORT:
        return head.strip()
    often = terms(text, 30)
    return next((term for term in often if term.lower() in first.lower()), head[:_SHORT])


def _int(number: str) -> int:
    return int(number) if number.isdigit() else NUMBERS[number.lower()]


def _images(message: BaseMessage) -> int:
    if isinstance(message.content, str):
        return 0
    return sum(isinstance(b, dict) and b.get("type") == "image_url" for b in message.content)
