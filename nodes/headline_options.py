"""Three headlines in three manners, and a judge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, create_model
from typing_extensions import TypedDict

from nodes.models import UnusableAnswer, fill
from state import Context
from state.headline_options import HeadlineState, Option

FACTUAL = "Write one headline for the brief that states the main fact plainly."
CURIOUS = "Write one headline for the brief that raises a question the reader wants answered."
BENEFIT = "Write one headline for the brief that promises the reader a concrete benefit."
ANOTHER = (
    "Write one headline for the brief. It must differ clearly from each of the headlines that are "
    "already taken."
)
JUDGE = (
    "Choose the headline that serves the brief best. Judge truth to the brief first, then clarity, "
    "then appeal. Say why in one or two sentences."
)
TEMPERATURES = {"factual": 0.2, "curious": 0.9, "benefit": 0.6}


class Headline(BaseModel):
    """One headline."""

    headline: str = Field(min_length=1, max_length=90, description="At most 90 characters.")


class Judged(TypedDict):
    """What the aggregator writes."""

    headlines: dict[str, str]
    winner: str
    headline: str
    reason: str


async def factual(state: HeadlineState, runtime: Runtime[Context]) -> Option:
    """State the main fact."""
    return await _option("factual", FACTUAL, state, runtime)


async def curious(state: HeadlineState, runtime: Runtime[Context]) -> Option:
    """Raise a question."""
    return await _option("curious", CURIOUS, state, runtime)


async def benefit(state: HeadlineState, runtime: Runtime[Context]) -> Option:
    """Promise a benefit."""
    return await _option("benefit", BENEFIT, state, runtime)


async def judge(state: HeadlineState, runtime: Runtime[Context]) -> Judged:
    """Have the best of the headlines picked, after making sure that no two are alike."""
    headlines = await _told_apart(state["options"], state["brief"], runtime)
    verdict = await _verdict(headlines, state["brief"], runtime)
    return {
        "headlines": headlines,
        "winner": verdict["choice"],
        "headline": headlines[verdict["choice"]],
        "reason": verdict["reason"],
    }


async def _option(
    manner: str, instructions: str, state: HeadlineState, runtime: Runtime[Context]
) -> Option:
    settings = {"temperature": TEMPERATURES[manner]}
    made = await fill(runtime, Headline, instructions, settings=settings, brief=state["brief"])
    return {"options": {manner: made.headline}}


async def _told_apart(
    options: Mapping[str, str], brief: str, runtime: Runtime[Context]
) -> dict[str, str]:
    """Have a headline that repeats another written anew; the branches cannot see each other."""
    headlines: dict[str, str] = {}
    for manner, headline in options.items():
        taken = {_essence(each) for each in headlines.values()}
        if _essence(headline) in taken:
            others = "\n".join(headlines.values())
            settings = {"temperature": 1.0}
            made = await fill(
                runtime, Headline, ANOTHER, settings=settings, brief=brief, taken=others
            )
            headline = made.headline
            if _essence(headline) in taken:
                raise UnusableAnswer(f"The model wrote the same headline twice: {headline}")
        headlines[manner] = headline
    return headlines


async def _verdict(
    headlines: Mapping[str, str], brief: str, runtime: Runtime[Context]
) -> dict[str, Any]:
    choices: Any = Literal[tuple(headlines)]
    schema: Any = create_model(
        "Verdict",
        choice=(choices, Field(description="The name in front of the headline.")),
        reason=(str, Field(min_length=1, max_length=600)),
    )
    listed = "\n".join(f"{manner}: {headline}" for manner, headline in headlines.items())
    verdict = await fill(runtime, schema, JUDGE, brief=brief, headlines=listed)
    return dict(verdict)


def _essence(headline: str) -> str:
    """Reduce a headline to what makes it different: its words, without case and punctuation."""
    return " ".join(re.findall(r"\w+", headline.casefold()))
