"""Summarise a document and find its entities, keywords and sentiment."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.document_analysis import assemble_report, entities, keywords, sentiment, summary
from state.document_analysis import AnalysisInput, AnalysisOutput, AnalysisState

workflow = FanOut(
    name="document_analysis",
    input=AnalysisInput,
    state=AnalysisState,
    output=AnalysisOutput,
    branches={
        "summary": summary,
        "entities": entities,
        "keywords": keywords,
        "sentiment": sentiment,
    },
    aggregator=assemble_report,
    quorum=2,  # Each part is of use alone; half of them still make a report.
)
graph = workflow.compile()
