"""What `document_analysis` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class AnalysisInput(TypedDict):
    """A document to be taken apart."""

    document: Annotated[
        str,
        Field(min_length=1, max_length=500_000, description="The text to analyse, as it is."),
    ]


class Entity(TypedDict):
    """Something with a name of its own."""

    name: str
    kind: Literal["person", "organisation", "place", "date", "amount", "other"]


class Sentiment(TypedDict):
    """The tone of a text, and a sentence that shows it."""

    label: Literal["positive", "neutral", "negative"]
    score: float
    """From -1 (negative) to 1 (positive)."""
    evidence: str


class Report(TypedDict, total=False):
    """The analysis; a part whose branch failed is absent and named in `missing`."""

    summary: str
    entities: list[Entity]
    keywords: list[str]
    sentiment: Sentiment
    missing: list[str]


class Part(TypedDict):
    """What each branch writes: its part, under its own name."""

    parts: dict[str, Any]


class AnalysisState(ParallelState, total=False):
    """The state of an analysis."""

    document: str
    parts: Annotated[dict[str, Any], merge]
    """By branch."""
    report: Report | None


class AnalysisOutput(ParallelOutput, total=False):
    """The report."""

    report: Report
