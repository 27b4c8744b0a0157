"""Write a joke, a story and a poem about one topic: the smallest workflow, to copy first."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.creative_trio import combine, joke, poem, story
from state.creative_trio import TrioInput, TrioOutput, TrioState

workflow = FanOut(
    name="creative_trio",
    input=TrioInput,
    state=TrioState,
    output=TrioOutput,
    branches={"joke": joke, "story": story, "poem": poem},
    aggregator=combine,
    quorum=1,  # Each piece stands on its own.
)
graph = workflow.compile()
