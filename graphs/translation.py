"""Translate a text into several languages by several engines and keep the best of each."""

from __future__ import annotations

from graphs.builders import MapReduce
from nodes.translation import by_language_and_engine, choose, translate
from state.translation import TranslationInput, TranslationOutput, TranslationState

workflow = MapReduce(
    name="translation",
    input=TranslationInput,
    state=TranslationState,
    output=TranslationOutput,
    split=by_language_and_engine,
    worker=translate,
    aggregator=choose,
    quorum=0.5,  # One engine's candidate is enough for a language.
    max_parallel=16,
)
graph = workflow.compile()
