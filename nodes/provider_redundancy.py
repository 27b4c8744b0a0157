"""Three providers answer one query; the best, the first, or the next when one is slow.

BRAID_PROVIDERS names them, three separated by commas, each a `model` or `model@endpoint`, such as
`gpt-5.4-nano, llama3@http://127.0.0.1:11434/v1`; missing ones are the run's own model. An endpoint
of its own gets no key unless BRAID_PROVIDERS_KEY is set.
"""

from __future__ import annotations

import os
import time
from typing import Any

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from nodes.models import fill, model_name
from nodes.race import race_of
from state import Context
from state.provider_redundancy import Entered, Entry, RedundancyState

CONCISE = "Answer the query briefly and precisely, and say how confident you are."
CAREFUL = "Answer the query step by step, check the result, and say how confident you are."
SCEPTICAL = (
    "Answer the query, consider first what could make the obvious answer wrong, and say how "
    "confident you are."
)


class Answer(BaseModel):
    """An answer and the confidence in it."""

    answer: str = Field(min_length=1, max_length=20_000)
    confidence: float = Field(ge=0, le=1, description="0 is a guess, 1 is certain.")


class Chosen(TypedDict):
    """What the aggregator writes."""

    result: str
    winner: str
    confidence: float


async def primary(state: RedundancyState, runtime: Runtime[Context]) -> Entered:
    """Ask the first provider."""
    return await _enter("primary", 0, CONCISE, state, runtime)


async def secondary(state: RedundancyState, runtime: Runtime[Context]) -> Entered:
    """Ask the second provider."""
    return await _enter("secondary", 1, CAREFUL, state, runtime)


async def tertiary(state: RedundancyState, runtime: Runtime[Context]) -> Entered:
    """Ask the third provider."""
    return await _enter("tertiary", 2, SCEPTICAL, state, runtime)


async def choose(state: RedundancyState) -> Chosen:
    """Take the answer with the highest stated confidence; the earlier provider wins a tie."""
    entries = state["entries"]
    order = [name for name in ("primary", "secondary", "tertiary") if name in entries]
    answered = [name for name in order if entries[name]["outcome"] == "answered"]
    name = max(answered, key=lambda each: entries[each]["confidence"] or 0.0)
    best = entries[name]
    return {
        "result": best["answer"] or "",
        "winner": name,
        "confidence": best["confidence"] or 0.0,
    }


def providers() -> list[tuple[str, dict[str, Any]]]:
    """Return the three providers as (name, settings of `chat`)."""
    named = [each.strip() for each in os.environ.get("BRAID_PROVIDERS", "").split(",")]
    found: list[tuple[str, dict[str, Any]]] = []
    for name in filter(None, named):
        model, _, endpoint = name.partition("@")
        settings: dict[str, Any] = {"model": model}
        if endpoint:
            key = os.environ.get("BRAID_PROVIDERS_KEY")
            settings |= {"base_url": endpoint} | ({"api_key": key} if key else {})
        found.append((name, settings))
    return [*found, *[("", {})] * 3][:3]


async def _enter(
    name: str, place: int, instructions: str, state: RedundancyState, runtime: Runtime[Context]
) -> Entered:
    provider, settings = providers()[place]
    started = time.monotonic()

    async def ask() -> Answer:
        return await fill(runtime, Answer, instructions, settings=settings, query=state["query"])

    if state["mode"] == "best":
        answer: Answer | None = await ask()
    else:
        hedged = state["mode"] == "hedge"
        answer = await race_of(runtime).run(
            name,
            ask,
            accept=lambda given: given.confidence >= state["least_confidence"],
            after=place if hedged else 0,
            delay=state["delay"],
        )
    entry: Entry = {
        "provider": provider or model_name(runtime),
        "outcome": "answered" if answer else "called off",
        "answer": answer.answer if answer else None,
        "confidence": answer.confidence if answer else None,
        "seconds": round(time.monotonic() - started, 3),
    }
    return {"entries": {name: entry}}
