"""Answer a question from a folder of notes: asked in several ways, fused, cited."""

from __future__ import annotations

from graphs.builders import MapReduce
from nodes.multi_query_rag import answer, plan_queries, retrieve, somewhere_to_look
from state.multi_query_rag import QuestionInput, RagOutput, RagState

workflow = MapReduce(
    name="multi_query_rag",
    input=QuestionInput,
    state=RagState,
    output=RagOutput,
    split=plan_queries,
    worker=retrieve,
    aggregator=answer,
    quorum=1,  # One ranking can be answered from; each further one only makes it better.
    validate=somewhere_to_look,
)
graph = workflow.compile()
