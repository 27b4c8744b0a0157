"""Three reviewers of one document, and the mean of their scores."""

from __future__ import annotations

from statistics import fmean

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from nodes.models import fill
from state import Context
from state.document_review import Reviewed, ReviewState

TECHNICAL = (
    "You review documents for technical soundness: are the requirements, interfaces, performance "
    "and security stated precisely enough to build and to test? Score the document."
)
BUSINESS = (
    "You review documents for business value: are the cost, the benefit, the customer, the "
    "schedule and the risk clear and convincing? Score the document."
)
LEGAL = (
    "You review documents for legal safety: are obligations, liability, termination, data "
    "protection and governing law settled without gaps? Score the document."
)


class Score(BaseModel):
    """A reviewer's judgement of the document."""

    score: float = Field(ge=0, le=10, description="0 is unacceptable, 10 leaves nothing to add.")
    reasons: list[str] = Field(
        min_length=1, max_length=5, description="What the score rests on, one sentence each."
    )


class FinalScore(TypedDict):
    """What the aggregator writes."""

    final_score: float


async def technical_review(state: ReviewState, runtime: Runtime[Context]) -> Reviewed:
    """Score how precisely the document can be built and tested."""
    return await _review("technical", TECHNICAL, state, runtime)


async def business_review(state: ReviewState, runtime: Runtime[Context]) -> Reviewed:
    """Score how clear and convincing its value is."""
    return await _review("business", BUSINESS, state, runtime)


async def legal_review(state: ReviewState, runtime: Runtime[Context]) -> Reviewed:
    """Score how safely its obligations are settled."""
    return await _review("legal", LEGAL, state, runtime)


async def aggregate_scores(state: ReviewState) -> FinalScore:
    """Take the mean of the scores that there are."""
    return {"final_score": round(fmean(state["scores"]), 2)}


async def _review(
    side: str, instructions: str, state: ReviewState, runtime: Runtime[Context]
) -> Reviewed:
    judged = await fill(runtime, Score, instructions, document=state["document"])
    return {
        "scores": [judged.score],
        "max_score": judged.score,
        "findings": {side: {"score": judged.score, "reasons": judged.reasons}},
    }
