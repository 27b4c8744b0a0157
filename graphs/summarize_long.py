"""Summarise a text of any length: its chunks side by side, then their summaries, in rounds."""

from __future__ import annotations

import functools
from typing import cast

from langgraph.runtime import Runtime

from graphs.builders import MapReduce
from nodes.summarize_long import by_passage, summarise, unite
from state import Context
from state.summarize_long import LongInput, LongOutput, LongState


async def shorten(state: LongState, text: str, runtime: Runtime[Context]) -> LongOutput:
    """Run this very workflow over the summaries, as a subgraph: its items are kept as well."""
    again = {"document": text, "chunk_tokens": state["chunk_tokens"], "words": state["words"]}
    return cast(LongOutput, await graph.ainvoke(again, context=runtime.context))


workflow = MapReduce(
    name="summarize_long",
    input=LongInput,
    state=LongState,
    output=LongOutput,
    split=by_passage,
    worker=summarise,
    aggregator=functools.partial(unite, shorten=shorten),
    quorum=0.9,  # A summary that misses more than a tenth of the text is not one.
    max_parallel=16,
    timeout=600,  # For the aggregator, which may run a whole round.
)
graph = workflow.compile()
