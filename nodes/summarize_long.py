"""Summaries of the chunks of a long text, and one summary of them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator

from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from nodes.models import write
from state import Context
from state.summarize_long import LongOutput, LongState, Passage, Summarised

SUMMARISE = (
    "Summarise the passage, which is part of a longer text, in at most {words} words. Keep names, "
    "figures and the order of events."
)
UNITE = (
    "Write one summary of the whole text, in at most {words} words, from the summaries of its "
    "parts. Keep their order and add nothing."
)
CHARACTERS_PER_TOKEN = 4
SHRINKS_TO = 0.25
"""A chunk's summary is asked to be at most this share of the chunk, so that rounds end."""
WORDS_PER_TOKEN = 0.75
SHORTER = 0.9
"""A round must leave less than this share of its text to be followed by another."""

Shorten = Callable[[LongState, str, Runtime[Context]], Awaitable[LongOutput]]


class Result(TypedDict):
    """What the aggregator writes."""

    summary: str
    outline: list[str]
    rounds: int


def by_passage(state: LongState) -> dict[str, Passage]:
    """Make one item of each chunk, named by its place."""
    chunks = split_text(state["document"], state["chunk_tokens"] * CHARACTERS_PER_TOKEN)
    words = max(20, int(state["chunk_tokens"] * WORDS_PER_TOKEN * SHRINKS_TO))
    return {
        f"part {number} of {len(chunks)}": {"number": number, "text": text, "words": words}
        for number, text in enumerate(chunks, start=1)
    }


async def summarise(passage: Passage, runtime: Runtime[Context]) -> Summarised:
    """Summarise one chunk; one that is short enough is its own summary."""
    text = passage["text"]
    if len(text.split()) > passage["words"]:
        instructions = SUMMARISE.format(words=passage["words"])
        text = await write(runtime, instructions, passage=text)
    return {"parts": {f"part {passage['number']}": {"number": passage["number"], "summary": text}}}


async def unite(state: LongState, runtime: Runtime[Context], *, shorten: Shorten) -> Result:
    """Make one summary of the parts' summaries; while they are too long, `shorten` them first."""
    parts = sorted(state["parts"].values(), key=lambda part: part["number"])
    outline = [part["summary"] for part in parts]
    text, rounds = "\n\n".join(outline), 1
    too_long = len(text) > state["chunk_tokens"] * CHARACTERS_PER_TOKEN
    # A model that does not shorten would be asked for ever.
    if too_long and len(text) < SHORTER * len(state["document"]):
        shorter = await shorten(state, text, runtime)
        return {
            "summary": shorter["summary"],
            "outline": outline,
            "rounds": shorter["rounds"] + 1,
        }
    instructions = UNITE.format(words=state["words"])
    return {
        "summary": await write(runtime, instructions, summaries=text),
        "outline": outline,
        "rounds": rounds,
    }


def split_text(text: str, size: int) -> list[str]:
    """Split a text into chunks of at most `size` characters, at the largest structure that fits.

    Headings first, then paragraphs, then sentences, then words; only a single word longer than
    `size` is cut. Nothing but white space between chunks is lost, and the order is kept.
    """
    pieces = _broken(text.strip(), size, 0)
    chunks: list[str] = []
    for separator, piece in pieces:
        if chunks and len(chunks[-1]) + len(separator) + len(piece) <= size:
            chunks[-1] += separator + piece
        else:
            chunks.append(piece)
    return chunks


_LEVELS = [
    (re.compile(r"\n+(?=#{1,6} )"), "\n\n"),  # Markdown headings
    (re.compile(r"\n\s*\n"), "\n\n"),  # paragraphs
    (re.compile(r"(?<=[.!?])\s+(?=[\W\d]*[A-Z\u00c0-\u00de])"), " "),  # sentences
    (re.compile(r"\s+"), " "),  # words
]


def _broken(text: str, size: int, level: int) -> Iterator[tuple[str, str]]:
    """Yield (separator before it, piece), each piece at most `size` characters."""
    if len(text) <= size:
        if text:
            yield _LEVELS[min(level, len(_LEVELS)) - 1][1] if level else "\n\n", text
        return
    if level == len(_LEVELS):
        for at in range(0, len(text), size):
            yield "", text[at : at + size]
        return
    pattern, separator = _LEVELS[level]
    for piece in pattern.split(text):
        for number, (inner, smaller) in enumerate(_broken(piece.strip(), size, level + 1)):
            yield (inner if number else separator), smaller
