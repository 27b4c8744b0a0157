"""Summarise a topic, question it, name its key terms, and write a synthesis of all three."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.topic_explorer import key_terms, questions, summary, synthesise
from state.topic_explorer import ExplorerInput, ExplorerOutput, ExplorerState

workflow = FanOut(
    name="topic_explorer",
    input=ExplorerInput,
    state=ExplorerState,
    output=ExplorerOutput,
    branches={
        "summary": summary,
        "questions": questions,
        "key_terms": key_terms,
    },
    aggregator=synthesise,
    quorum=2,  # Two views still make a synthesis; one is only itself.
)
graph = workflow.compile()
