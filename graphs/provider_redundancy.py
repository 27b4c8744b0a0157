"""Ask three providers the same query: take the best answer, the first, or hedge."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.provider_redundancy import choose, primary, secondary, tertiary
from state.provider_redundancy import RedundancyInput, RedundancyOutput, RedundancyState

workflow = FanOut(
    name="provider_redundancy",
    input=RedundancyInput,
    state=RedundancyState,
    output=RedundancyOutput,
    branches={
        "primary": primary,
        "secondary": secondary,
        "tertiary": tertiary,
    },
    aggregator=choose,
    quorum=1,  # That one provider suffices is the point of having three.
    timeout=60,
)
graph = workflow.compile()
