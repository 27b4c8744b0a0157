"""Five independent voters on one text; a person where they do not agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NotRequired

from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from nodes.models import fill
from state import Context, current_checkpointer
from state.moderation import Decision, ModerationState, Rule, Voted

POLICY = "You are a moderator. Does the text break common rules: spam, fraud, illegal goods? Vote."
SAFETY = "You are a moderator. Does the text threaten, harass or encourage harm to anyone? Vote."
CONTEXT = (
    "You are a moderator. Read the text in context: quotation, satire, news and education are "
    "allowed to name bad things. Vote on what the author does with them."
)
TONE = "You are a moderator. Is the tone of the text insulting, hateful or degrading? Vote."
AUDIENCE = "You are a moderator. Is the text fit for a general audience that includes minors? Vote."
EXCERPT = 500
"""Characters of the text that a person is shown with the question."""


class Ballot(BaseModel):
    """A vote on a text."""

    decision: Decision = Field(description="allow, block, or abstain when you cannot tell.")
    reason: str = Field(min_length=1, max_length=600, description="One sentence.")


class Ruling(TypedDict):
    """A person's answer."""

    decision: Literal["allow", "block"]
    note: NotRequired[str]


class Decided(TypedDict):
    """What the aggregator writes."""

    decision: Literal["allow", "block", "undecided"]
    decided_by: Literal["vote", "person"]
    note: str | None
    agreement: float


async def policy(state: ModerationState, runtime: Runtime[Context]) -> Voted:
    """Vote on rules."""
    return await _vote("policy", POLICY, state, runtime)


async def safety(state: ModerationState, runtime: Runtime[Context]) -> Voted:
    """Vote on harm."""
    return await _vote("safety", SAFETY, state, runtime)


async def context(state: ModerationState, runtime: Runtime[Context]) -> Voted:
    """Vote on what the author means by it."""
    return await _vote("context", CONTEXT, state, runtime)


async def tone(state: ModerationState, runtime: Runtime[Context]) -> Voted:
    """Vote on the manner."""
    return await _vote("tone", TONE, state, runtime)


async def audience(state: ModerationState, runtime: Runtime[Context]) -> Voted:
    """Vote on who may read it."""
    return await _vote("audience", AUDIENCE, state, runtime)


async def decide(state: ModerationState) -> Decided:
    """Count the votes; ask a person on a tie or where the voters agree too little."""
    counts = state["counts"]
    share = agreement(counts)
    if not _is_tie(counts) and share >= state["least_agreement"]:
        verdict = outcome(counts, state["rule"], state["threshold"])
        return {"decision": verdict, "decided_by": "vote", "note": None, "agreement": share}
    if current_checkpointer() is None:  # A run that keeps nothing could never be answered.
        return {"decision": "undecided", "decided_by": "vote", "note": None, "agreement": share}
    ruling: Ruling = interrupt(_question(state, share), response_schema=Ruling)
    return {
        "decision": ruling["decision"],
        "decided_by": "person",
        "note": ruling.get("note"),
        "agreement": share,
    }


def agreement(counts: Mapping[str, int]) -> float:
    """Return the larger side's share of the votes cast; 0.0 when all abstained."""
    cast = [counts.get("allow", 0), counts.get("block", 0)]
    return round(max(cast) / sum(cast), 4) if sum(cast) else 0.0


def outcome(counts: Mapping[str, int], rule: Rule, threshold: float) -> Literal["allow", "block"]:
    """Apply a rule to the votes cast; abstentions do not count."""
    block, cast = counts.get("block", 0), counts.get("allow", 0) + counts.get("block", 0)
    blocks = {
        "majority": 2 * block > cast,
        "threshold": block >= threshold * cast,
        "unanimous": block == cast,
    }
    return "block" if blocks[rule] else "allow"


def _is_tie(counts: Mapping[str, int]) -> bool:
    return counts.get("allow", 0) == counts.get("block", 0)


def _question(state: ModerationState, share: float) -> dict[str, object]:
    return {
        "workflow": "moderation",
        "reason": f"The voters do not agree (agreement {share:.0%}): allow or block the text?",
        "text": state["text"][:EXCERPT],
        "votes": state["votes"],
        "answer": {"decision": "allow | block", "note": "optional"},
    }


async def _vote(
    voter: str, instructions: str, state: ModerationState, runtime: Runtime[Context]
) -> Voted:
    # A shared cache would make the votes one vote.
    ballot = await fill(
        runtime, Ballot, instructions, settings={"cache": False}, text=state["text"]
    )
    return {
        "votes": {voter: {"decision": ballot.decision, "reason": ballot.reason}},
        "counts": {ballot.decision: 1},
    }
