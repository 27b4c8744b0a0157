"""Look into a question in three sources at once and write a cited report."""

from __future__ import annotations

from functools import partial

from graphs.builders import FanOut
from nodes.research import extract, read, search, somewhere_to_look, write_report
from state.research import ResearchInput, ResearchOutput, ResearchState

workflow = FanOut(
    name="research",
    input=ResearchInput,
    state=ResearchState,
    output=ResearchOutput,
    branches={
        "background": [partial(step, "background") for step in (search, read, extract)],
        # A search for papers and passages brings their texts along, so there is nothing to read.
        "evidence": [partial(step, "evidence") for step in (search, extract)],
        "recent": [partial(step, "recent") for step in (search, read, extract)],
    },
    aggregator=write_report,
    quorum=1,  # What one source says is of use, as long as the report names the other two.
    validate=somewhere_to_look,
)
graph = workflow.compile()
