"""`self_consistency`: the answer that most approaches reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from support.cli import Cli
from support.openai_server import OpenAIServer, Status
from support.workflows import invoke, run_example

from nodes.self_consistency import normalised

LABELS = {
    "step_by_step": "step by step",
    "estimation": "estimate the result",
    "counter_example": "obvious answer",
    "backwards": "assume a result",
    "definition": "define each term",
}


def answering(*answers: str) -> dict[str, dict[str, str]]:
    pairs = zip(LABELS, answers, strict=True)
    return {name: {"reasoning": "So.", "answer": answer} for name, answer in pairs}


@pytest.fixture
def voters(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels = LABELS
    return openai_server


async def test_the_majority_wins_and_dissent_is_kept(voters: OpenAIServer) -> None:
    voters.answers = answering("141 minutes", "141 min", "141 minutes.", "about 141 minutes", "165")
    result = await invoke("self_consistency", question="How long?")
    assert result["answer"] == "141 minutes", "the shortest spelling is shown"
    assert result["support"] == 0.6
    assert set(result["dissent"]) == {"estimation", "definition"}
    assert set(result["votes"]["141 minutes"]) == {"step_by_step", "counter_example", "backwards"}


async def test_a_tie_has_no_answer(voters: OpenAIServer) -> None:
    voters.answers = answering("1", "1", "2", "2", "3")
    result = await invoke("self_consistency", question="How many?")
    assert result["answer"] is None
    assert result["support"] == 0.4
    assert len(result["dissent"]) == 5


async def test_a_missing_voter_does_not_vote(voters: OpenAIServer) -> None:
    voters.answers = answering("4", "4", "4", "5", "5")
    voters.script("backwards", Status(400))
    result = await invoke("self_consistency", question="2 + 2?")
    assert (result["status"], result["answer"], result["support"]) == ("partial", "4", 0.75)


@pytest.fixture
def global_cache() -> Iterator[None]:
    set_llm_cache(InMemoryCache())
    yield
    set_llm_cache(None)


@pytest.mark.usefixtures("global_cache")
async def test_no_cache_makes_the_voters_one(voters: OpenAIServer) -> None:
    for _ in range(2):
        await invoke("self_consistency", question="How many?")
    assert set(voters.counts.values()) == {2}


async def test_no_voter_sees_another(voters: OpenAIServer) -> None:
    voters.answers = {name: {"reasoning": f"canary {name}", "answer": "1"} for name in LABELS}
    await invoke("self_consistency", question="How many?")
    assert not any("canary" in asked.text for asked in voters.asked)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,200", "1200"),
        ("1200.0", "1 200"),
        ("1,200.50", "1200.5"),
        ("0,5", "0.5"),
        ("$1,200", "$1200.00"),
        ("12 km", "12km"),
        ("about 12 km", "12 km."),
        ("-3", "-3.0"),
        ("The Nile", "nile"),
        ("'Paris'.", "paris"),
        ("1e3", "1e3"),
    ],
)
def test_equal_answers_are_equal_however_they_are_written(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("12 km", "12 miles"), ("12", "-12"), ("1.2", "12"), ("Paris", "London"), ("$5", "5 km")],
)
def test_different_answers_stay_different(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_the_example_is_answered_offline(braid: Cli) -> None:
    output = run_example(braid, "self_consistency")
    assert set().union(*output["votes"].values()) == set(LABELS)
    assert 0 < output["support"] <= 1
