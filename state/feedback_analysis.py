"""What `feedback_analysis` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge, tally, top_k
from state.parallel import ParallelOutput, ParallelState

Sentiment = Literal["positive", "neutral", "negative"]
Category = Literal["bug", "feature request", "praise", "price", "usability", "support", "other"]
MOST_URGENT = 20
"""Entries in the urgent list."""


class FeedbackInput(TypedDict):
    """Feedback, many entries of it."""

    entries: Annotated[
        list[str | dict[str, Any]] | str,
        Field(
            description="The entries: a list of texts or of objects with a `text`, or the content "
            "of a CSV or JSONL file (on the command line: entries=@feedback.csv)."
        ),
    ]


class Entry(TypedDict):
    """One item: a text and where it stands."""

    line: int
    text: str


class BadRow(TypedDict):
    """A row that could not be read."""

    line: int
    reason: str


class Judged(TypedDict):
    """What was found out about one entry."""

    line: int
    text: str
    sentiment: Sentiment
    category: Category
    urgency: int
    """From 1 (whenever) to 5 (now)."""


class Analysed(TypedDict, total=False):
    """What each item writes."""

    sentiments: dict[str, int]
    categories: dict[str, int]
    keywords: dict[str, int]
    urgent: list[Judged]
    judged: dict[str, Judged]


class FeedbackState(ParallelState, total=False):
    """The state of an analysis."""

    entries: list[str | dict[str, Any]] | str
    sentiments: Annotated[dict[str, int], tally]
    categories: Annotated[dict[str, int], tally]
    keywords: Annotated[dict[str, int], tally]
    urgent: Annotated[list[Judged], top_k(MOST_URGENT, key="urgency")]
    judged: Annotated[dict[str, Judged], merge]
    """By item."""
    total: int | None
    top_keywords: dict[str, int] | None
    bad_rows: list[BadRow] | None


class FeedbackOutput(ParallelOutput, total=False):
    """Counts, keywords and what needs attention."""

    total: int
    """Entries that were analysed."""
    sentiments: dict[str, int]
    categories: dict[str, int]
    top_keywords: dict[str, int]
    """The most frequent first."""
    urgent: list[Judged]
    """Urgency 4 and 5, the most urgent first."""
    bad_rows: list[BadRow]
    """Rows of the input that could not be read; the rest went on."""
