"""Write three different headlines for a brief and have a judge pick one."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.headline_options import benefit, curious, factual, judge
from state.headline_options import HeadlineInput, HeadlineOutput, HeadlineState

workflow = FanOut(
    name="headline_options",
    input=HeadlineInput,
    state=HeadlineState,
    output=HeadlineOutput,
    branches={
        "factual": factual,
        "curious": curious,
        "benefit": benefit,
    },
    aggregator=judge,
    quorum=2,  # A choice needs two options.
)
graph = workflow.compile()
