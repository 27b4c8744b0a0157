"""Five approaches to one question, and the answer that most of them reach.

Self-consistency: Wang et al., "Self-Consistency Improves Chain of Thought Reasoning in Language
Models" (ICLR 2023). There one prompt is sampled often; here the approaches differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from nodes.models import fill
from state import Context
from state.self_consistency import Answer, Answered, ConsistencyState

STEP_BY_STEP = "Answer the question: work it out step by step, then give the result."
ESTIMATION = "Answer the question: estimate the result first, then make the estimate exact."
COUNTER_EXAMPLE = (
    "Answer the question: take the obvious answer, look for a reason why it is wrong, and give the "
    "answer that survives."
)
BACKWARDS = "Answer the question: assume a result, check it against what is given, and correct it."
DEFINITION = "Answer the question: define each term that it uses, then apply the definitions."


class Reply(BaseModel):
    """An answer and how it was reached."""

    reasoning: str = Field(max_length=4_000, description="The way to the answer, briefly.")
    answer: str = Field(
        min_length=1,
        max_length=200,
        description="The answer alone: a number with its unit, or a few words.",
    )


class Majority(TypedDict):
    """What the aggregator writes."""

    answer: str | None
    support: float
    votes: dict[str, list[str]]
    dissent: dict[str, Answer]


async def step_by_step(state: ConsistencyState, runtime: Runtime[Context]) -> Answered:
    """Work it out in steps."""
    return await _answer("step_by_step", STEP_BY_STEP, state, runtime)


async def estimation(state: ConsistencyState, runtime: Runtime[Context]) -> Answered:
    """Estimate, then make it exact."""
    return await _answer("estimation", ESTIMATION, state, runtime)


async def counter_example(state: ConsistencyState, runtime: Runtime[Context]) -> Answered:
    """Look for what is wrong with the obvious answer."""
    return await _answer("counter_example", COUNTER_EXAMPLE, state, runtime)


async def backwards(state: ConsistencyState, runtime: Runtime[Context]) -> Answered:
    """Check an assumed result against what is given."""
    return await _answer("backwards", BACKWARDS, state, runtime)


async def definition(state: ConsistencyState, runtime: Runtime[Context]) -> Answered:
    """Apply the definitions of the terms."""
    return await _answer("definition", DEFINITION, state, runtime)


async def majority(state: ConsistencyState) -> Majority:
    """Count equal answers together; keep those that differ."""
    equal: dict[str, dict[str, str]] = {}
    for approach, given in state["answers"].items():
        equal.setdefault(normalised(given["answer"]), {})[approach] = given["answer"]
    votes = {min(spelled.values(), key=len): list(spelled) for spelled in equal.values()}
    winner, support = _winner(votes)
    dissent = {
        approach: given
        for approach, given in state["answers"].items()
        if winner is None or approach not in votes[winner]
    }
    return {"answer": winner, "support": support, "votes": votes, "dissent": dissent}


def normalised(answer: str) -> str:
    """Reduce an answer to what is compared: its number and unit, or its words.

    `1,200.0 km`, `1200 km` and `about 1 200 km.` are equal; so are `The Nile` and `nile`. A comma
    before exactly three digits separates thousands, any other is a decimal comma.
    """
    text = answer.casefold().strip(" .!\"'`")
    text = re.sub(r"^(?:about|approximately|roughly|exactly|the answer is|it is)\s+", "", text)
    found = re.fullmatch(r"([^\w\s.+-]*)\s*([+-]?\d[\d\s.,\u00a0\u202f']*)\s*(\S{0,20})", text)
    number = _number(found[2]) if found else None
    if found and number is not None:
        return f"{number} {found[1] or found[3]}".strip()
    words = re.findall(r"\w+", text)
    return " ".join(word for word in words if word not in {"a", "an", "the"}) or text


def _number(text: str) -> str | None:
    bare = re.sub(r"[\s'\u00a0\u202f]", "", text).rstrip(".,")
    bare = re.sub(r",(?=\d{3}(?:\D|$))", "", bare).replace(",", ".")
    try:
        value = Decimal(bare).normalize()
    except InvalidOperation:
        return None
    return f"{value:f}"


def _winner(votes: Mapping[str, list[str]]) -> tuple[str | None, float]:
    counted = sorted(((len(who), shown) for shown, who in votes.items()), reverse=True)
    most, shown = counted[0]
    tied = len(counted) > 1 and counted[1][0] == most
    return (None if tied else shown), round(most / sum(count for count, _ in counted), 4)


async def _answer(
    approach: str, instructions: str, state: ConsistencyState, runtime: Runtime[Context]
) -> Answered:
    # A shared cache would make the votes one vote.
    reply = await fill(
        runtime, Reply, instructions, settings={"cache": False}, question=state["question"]
    )
    return {"answers": {approach: {"answer": reply.answer, "reasoning": reply.reasoning}}}
