"""Score a document from its technical, business and legal side."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.document_review import (
    aggregate_scores,
    business_review,
    legal_review,
    technical_review,
)
from state.document_review import ReviewInput, ReviewOutput, ReviewState

workflow = FanOut(
    name="document_review",
    input=ReviewInput,
    state=ReviewState,
    output=ReviewOutput,
    branches={
        "technical": technical_review,
        "business": business_review,
        "legal": legal_review,
    },
    aggregator=aggregate_scores,
    quorum=2,  # A mean of two says something; one opinion is not a review.
)
graph = workflow.compile()
