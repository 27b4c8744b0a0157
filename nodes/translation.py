"""Several translations into each language, told apart by translating them back."""

from __future__ import annotations

import re
from collections import Counter

from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from nodes.models import write
from state import Context
from state.translation import Candidate, Job, Translated, TranslationState

MANNERS = {
    "faithful": "Stay as close to the original as the language allows.",
    "fluent": "Write as a native author would, and change no fact.",
}
TRANSLATE = "Translate the text into {language}. {manner} Answer with the translation alone."
TRANSLATE_BACK = (
    "Translate the text back into the language of the original, word for word. Answer with the "
    "translation alone."
)


class Chosen(TypedDict):
    """What the aggregator writes."""

    translations: dict[str, str]
    missing: list[str]


def by_language_and_engine(state: TranslationState) -> list[tuple[str, Job]]:
    """Make one item of each language and engine."""
    return [
        (f"{language}/{engine}", {"text": state["text"], "language": language, "engine": engine})
        for language in state["languages"]
        for engine in state["engines"]
    ]


async def translate(job: Job, runtime: Runtime[Context]) -> Translated:
    """Translate, translate back, and score how much came back."""
    language, engine = job["language"], job["engine"]
    instructions = TRANSLATE.format(language=language, manner=MANNERS[engine])
    text = await write(runtime, instructions, text=job["text"])
    back = await write(runtime, TRANSLATE_BACK, text=text)
    candidate: Candidate = {
        "language": language,
        "engine": engine,
        "text": text,
        "back": back,
        "score": overlap(job["text"], back),
    }
    return {"candidates": {f"{language}/{engine}": candidate}}


async def choose(state: TranslationState) -> Chosen:
    """Take each language's candidate with the highest score; the first engine wins a tie."""
    best: dict[str, Candidate] = {}
    for language in state["languages"]:
        for engine in state["engines"]:
            candidate = state["candidates"].get(f"{language}/{engine}")
            if candidate and (language not in best or candidate["score"] > best[language]["score"]):
                best[language] = candidate
    return {
        "translations": {language: candidate["text"] for language, candidate in best.items()},
        "missing": [language for language in state["languages"] if language not in best],
    }


def overlap(original: str, back: str) -> float:
    """Score a back-translation: the F1 of its words against the original's, from 0 to 1."""
    wanted, got = (Counter(re.findall(r"\w+", text.casefold())) for text in (original, back))
    shared = (wanted & got).total()
    return round(2 * shared / max(1, wanted.total() + got.total()), 4)
