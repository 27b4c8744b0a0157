"""Answer a question by five approaches and take the answer that most of them reach."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.self_consistency import (
    backwards,
    counter_example,
    definition,
    estimation,
    majority,
    step_by_step,
)
from state.self_consistency import ConsistencyOutput, ConsistencyState, QuestionInput

workflow = FanOut(
    name="self_consistency",
    input=QuestionInput,
    state=ConsistencyState,
    output=ConsistencyOutput,
    branches={
        "step_by_step": step_by_step,
        "estimation": estimation,
        "counter_example": counter_example,
        "backwards": backwards,
        "definition": definition,
    },
    aggregator=majority,
    quorum=3,  # Of three votes two can agree; fewer are no vote.
)
graph = workflow.compile()
