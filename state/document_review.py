"""What `document_review` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from reducers import add, keep_max, merge
from state.parallel import ParallelOutput, ParallelState


class ReviewInput(TypedDict):
    """A document to be reviewed from three sides."""

    document: Annotated[
        str,
        Field(min_length=1, max_length=200_000, description="The text to review, as it is."),
    ]


class Finding(TypedDict):
    """One reviewer's judgement."""

    score: float
    """From 0 (unacceptable) to 10 (nothing to add)."""
    reasons: list[str]


class Reviewed(TypedDict):
    """What each reviewing branch writes."""

    scores: list[float]
    max_score: float
    findings: dict[str, Finding]


class ReviewState(ParallelState, total=False):
    """The state of a review."""

    document: str
    scores: Annotated[list[float], add]
    max_score: Annotated[float | None, keep_max]
    findings: Annotated[dict[str, Finding], merge]
    """By branch."""
    final_score: float | None


class ReviewOutput(ParallelOutput, total=False):
    """The mean of the scores and what they rest on."""

    final_score: float
    """The mean of `scores`."""
    max_score: float
    scores: list[float]
    findings: dict[str, Finding]
    """By branch: technical, business, legal."""
