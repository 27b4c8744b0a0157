"""`moderation`: independent votes, and a person where they do not agree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from support.cli import Cli
from support.openai_server import OpenAIServer, Status
from support.toys import on
from support.workflows import invoke, run_example

from graphs.moderation import workflow
from nodes.moderation import agreement, outcome

LABELS = {
    "policy": "common rules",
    "safety": "encourage harm",
    "context": "in context",
    "tone": "hateful or degrading",
    "audience": "general audience",
}


def voting(*decisions: str) -> dict[str, dict[str, str]]:
    pairs = zip(LABELS, decisions, strict=True)
    return {name: {"decision": decision, "reason": "Because."} for name, decision in pairs}


@pytest.fixture
def voters(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels = LABELS
    return openai_server


async def test_a_clear_vote_decides(voters: OpenAIServer) -> None:
    voters.answers = voting("block", "block", "block", "block", "allow")
    result = await invoke("moderation", text="Buy gold now.")
    assert (result["decision"], result["decided_by"]) == ("block", "vote")
    assert result["agreement"] == 0.8
    assert result["counts"] == {"block": 4, "allow": 1}
    assert set(result["votes"]) == set(LABELS)


@pytest.mark.parametrize(
    ("rule", "decision"), [("majority", "block"), ("threshold", "block"), ("unanimous", "allow")]
)
async def test_the_rule_is_the_users(voters: OpenAIServer, rule: str, decision: str) -> None:
    voters.answers = voting("block", "block", "block", "block", "allow")
    result = await invoke("moderation", text="Buy gold now.", rule=rule, threshold=0.8)
    assert result["decision"] == decision


async def test_a_tie_is_put_to_a_person(voters: OpenAIServer) -> None:
    voters.answers = voting("block", "block", "allow", "allow", "abstain")
    graph = workflow.compile(checkpointer=InMemorySaver())
    paused = await graph.ainvoke(workflow.check({"text": "Hm."}), on("t"), version="v2")
    [question] = paused.interrupts
    assert "allow or block" in question.value["reason"]
    assert question.value["text"] == "Hm."
    with pytest.raises(ValueError, match="validation error"):
        await graph.ainvoke(Command(resume={"decision": "perhaps"}), on("t"))
    answer = {"decision": "block", "note": "Seen before."}
    result = await graph.ainvoke(Command(resume=answer), on("t"))
    assert (result["decision"], result["decided_by"]) == ("block", "person")
    assert result["note"] == "Seen before."
    assert voters.counts == dict.fromkeys(LABELS, 1)


async def test_where_nobody_can_be_asked_it_stays_undecided(voters: OpenAIServer) -> None:
    voters.answers = voting("block", "block", "allow", "allow", "abstain")
    assert (await invoke("moderation", text="Hm."))["decision"] == "undecided"


async def test_a_missing_voter_is_named_and_the_others_decide(voters: OpenAIServer) -> None:
    voters.answers = voting("allow", "allow", "allow", "allow", "block")
    voters.script("policy", Status(400))
    result = await invoke("moderation", text="Hello.")
    assert (result["status"], result["decision"]) == ("partial", "allow")
    assert list(result["failures"]) == ["policy"]


def test_a_person_answers_from_the_command_line(braid: Cli, openai_server: OpenAIServer) -> None:
    openai_server.labels = LABELS
    openai_server.answers = voting("block", "block", "allow", "allow", "abstain")
    env = openai_server.env
    paused = braid("run", "moderation", "text=Hm.", "--thread", "m", "--json", env=env)
    assert (paused.status, paused.json["status"]) == (3, "paused")
    refused = braid("resume", "m", "--answer", '{"decision": "perhaps"}', "--json", env=env)
    assert refused.status == 2
    result = braid("resume", "m", "--answer", '{"decision": "allow"}', "--json", env=env)
    assert result.status == 0, result.err
    assert result.json["output"]["decision"] == "allow"
    assert result.json["output"]["decided_by"] == "person"
    assert openai_server.counts == dict.fromkeys(LABELS, 1)


counts = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["allow", "block", "abstain"], st.integers(0, 9))
)


@given(counts, st.floats(0.01, 1))
def test_the_rules_are_ordered_and_agreement_is_a_share(
    counted: dict[str, int], threshold: float
) -> None:
    if outcome(counted, "unanimous", threshold) == "block" and counted.get("block"):
        assert outcome(counted, "majority", threshold) == "block"
        assert outcome(counted, "threshold", threshold) == "block"
    assert 0.5 <= agreement(counted) <= 1 or agreement(counted) == 0


def test_the_example_is_decided_or_put_to_a_person_offline(braid: Cli) -> None:
    result: Any = braid("run", "moderation", "--json")
    assert result.status == 0, result.err
    assert set(result.json["output"]["votes"]) == set(LABELS)
    assert run_example(braid, "moderation")["decided_by"] == "vote"
