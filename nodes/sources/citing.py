"""Claims that are tied to what they rest on, and checked against it.

A model is shown numbered passages and asked for claims, each with the number of its passage and
the words that show it. A claim counts only if those words stand in that passage.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, StringConstraints

from nodes.models import UnusableAnswer, fill
from state.sources import Claim, Hit

if TYPE_CHECKING:
    from langgraph.runtime import Runtime

    from state import Context

HOW = (
    " Give each claim the number of the passage that it rests on, and as its quote the words of"
    " that passage that show it, copied exactly. Claim nothing that the passages do not say; if"
    " they say nothing of use, make no claims."
)
FEWEST_WORDS = 3
"""Words of a quote that can be checked: fewer stand in almost any passage."""
LONGEST_PASSAGE = 6_000
"""Characters of a passage that a model is shown."""

_LINK_TARGET = re.compile(r"\]\([^)\s]*\)")
_ELLIPSIS = re.compile(r"…|\.\.\.|\[\.\.\.\]")
_WORD = re.compile(r"\w+")

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class _Claimed(BaseModel):
    """A claim about the passages."""

    text: Text
    source: str = Field(description="The id of the passage it rests on, such as 2.")
    quote: Text = Field(description="The words of that passage that show it, copied exactly.")


class _Claims(BaseModel):
    """What the passages say."""

    claims: list[_Claimed] = Field(max_length=12)


async def claims(
    runtime: Runtime[Context], instructions: str, hits: Sequence[Hit], *, question: str
) -> tuple[list[Claim], int]:
    """Ask for claims about what was found; return those that hold, and how many do not.

    Without hits nothing is asked. Raises UnusableAnswer when claims are made and none holds.
    """
    if not hits:
        return [], 0
    shown = numbered("passage", [f"# {hit['title']}\n\n{_seen(hit)}" for hit in hits])
    made = await fill(runtime, _Claims, instructions + HOW, question=question, passages=shown)
    tied = [_tied(claimed, hits) for claimed in made.claims]
    held = [claim for claim in tied if claim is not None]
    if tied and not held:
        raise UnusableAnswer(
            f"No claim of {len(tied)} has a quote that stands in the passage that it names."
        )
    return held, len(tied) - len(held)


def numbered(tag: str, texts: Sequence[str]) -> str:
    """Write texts as elements with ids from 1; none can end itself or begin another."""
    inert = re.compile(rf"<(?=\s*/?\s*{tag}\b)", re.IGNORECASE)
    return "\n".join(
        f'<{tag} id="{number}">\n{inert.sub("&lt;", text)}\n</{tag}>'
        for number, text in enumerate(texts, start=1)
    )


def quoted(quote: str, text: str) -> bool:
    """Tell whether a quote stands in a text: its words, in order, whatever the punctuation.

    A quote may leave something out where it has an ellipsis.
    """
    words = _words(text)
    parts = [part for part in map(_words, _ELLIPSIS.split(quote)) if part.strip()]
    enough = sum(len(part.split()) for part in parts) >= min(FEWEST_WORDS, len(words.split()))
    return bool(parts) and enough and all(part in words for part in parts)


def _tied(claimed: _Claimed, hits: Sequence[Hit]) -> Claim | None:
    number = claimed.source.strip().strip("[]#. ")
    if not number.isdecimal() or not 1 <= int(number) <= len(hits):
        return None
    hit = hits[int(number) - 1]
    if not quoted(claimed.quote, _seen(hit)):
        return None
    return Claim(
        text=claimed.text,
        quote=claimed.quote.strip("“”\"' "),
        title=hit["title"],
        url=hit["url"],
        source=hit["source"],
    )


def _seen(hit: Hit) -> str:
    return hit["text"][:LONGEST_PASSAGE]


def _words(text: str) -> str:
    """Return the words of a text in lower case, each with a space on both sides."""
    composed = unicodedata.normalize("NFC", _LINK_TARGET.sub("] ", text))
    return f" {' '.join(_WORD.findall(composed.casefold()))} "
