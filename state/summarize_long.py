"""What `summarize_long` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class LongInput(TypedDict):
    """A text that is too long to be read at once."""

    document: Annotated[
        str,
        Field(min_length=1, max_length=10_000_000, description="The text: a book, not a page."),
    ]
    chunk_tokens: NotRequired[
        Annotated[
            int,
            Field(
                default=1_500,
                ge=50,
                le=100_000,
                description="The most tokens that one chunk may have, at four characters a token.",
            ),
        ]
    ]
    words: NotRequired[
        Annotated[
            int,
            Field(default=200, ge=20, le=2_000, description="About how long the summary may be."),
        ]
    ]


class Passage(TypedDict):
    """One item: a chunk of the text."""

    number: int
    """Its place, from 1."""
    text: str
    words: int
    """About how many its summary may have."""


class PartSummary(TypedDict):
    """The summary of one chunk."""

    number: int
    summary: str


class Summarised(TypedDict):
    """What each item writes."""

    parts: dict[str, PartSummary]


class LongState(ParallelState, total=False):
    """The state of a summary."""

    document: str
    chunk_tokens: int
    words: int
    parts: Annotated[dict[str, PartSummary], merge]
    """By item."""
    summary: str | None
    outline: list[str] | None
    rounds: int | None


class LongOutput(ParallelOutput, total=False):
    """The summary, and the summaries that it was made of."""

    summary: str
    outline: list[str]
    """The summaries of the chunks, in their order."""
    rounds: int
    """How often summaries were summarised before they fitted."""
