"""Judge thousands of feedback entries: sentiments, categories, keywords, and what is urgent."""

from __future__ import annotations

from graphs.builders import MapReduce
from nodes.feedback_analysis import analyse_entry, by_entry, summarise_feedback
from state.feedback_analysis import FeedbackInput, FeedbackOutput, FeedbackState

workflow = MapReduce(
    name="feedback_analysis",
    input=FeedbackInput,
    state=FeedbackState,
    output=FeedbackOutput,
    split=by_entry,
    worker=analyse_entry,
    aggregator=summarise_feedback,
    quorum=0.9,  # Counts over nine tenths of the entries still say what customers say.
    max_parallel=64,
)
graph = workflow.compile()
