"""`provider_redundancy`: the best, the first, or the next, and nothing left open."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import RetryPolicy
from support.cli import Cli
from support.openai_server import Hang, OpenAIServer, Status
from support.toys import context, on
from support.workflows import invoke, run_example

from graphs.builders import QuorumNotMet
from graphs.provider_redundancy import workflow

LABELS = {"primary": "briefly", "secondary": "step by step", "tertiary": "obvious answer wrong"}
CONFIDENT = {"primary": 0.6, "secondary": 0.9, "tertiary": 0.7}


def answering(**confidence: float) -> dict[str, Any]:
    stated = {**CONFIDENT, **confidence}
    return {name: {"answer": f"by {name}", "confidence": sure} for name, sure in stated.items()}


@pytest.fixture
def providers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, answering()
    return openai_server


async def test_best_waits_for_all_and_takes_the_most_confident(providers: OpenAIServer) -> None:
    result = await invoke("provider_redundancy", query="How many?")
    assert (result["result"], result["winner"], result["confidence"]) == (
        "by secondary",
        "secondary",
        0.9,
    )
    assert {entry["outcome"] for entry in result["entries"].values()} == {"answered"}
    assert providers.counts == {"primary": 1, "secondary": 1, "tertiary": 1}


async def test_one_provider_may_be_down(providers: OpenAIServer) -> None:
    providers.script("secondary", Status(401))
    result = await invoke("provider_redundancy", query="How many?")
    assert (result["status"], result["winner"]) == ("partial", "tertiary")
    assert list(result["failures"]) == ["secondary"]


async def test_all_down_is_an_error_that_lists_each(providers: OpenAIServer) -> None:
    providers.script("*", *[Status(400)] * 3)
    with pytest.raises(QuorumNotMet) as raised:
        await invoke("provider_redundancy", query="How many?")
    assert all(name in str(raised.value) for name in LABELS)


@pytest.mark.parametrize("mode", ["first", "hedge"])
@pytest.mark.parametrize("hanging", ["primary", "secondary", "tertiary"])
async def test_a_hanging_provider_is_not_waited_for_and_nothing_stays_open(
    providers: OpenAIServer, mode: str, hanging: str
) -> None:
    providers.script(hanging, Hang())
    result = await invoke("provider_redundancy", query="How many?", mode=mode, delay=0.05)
    assert result["status"] == "complete"
    assert result["winner"] != hanging
    providers.wait_until_idle()
    assert set(providers.outcomes(hanging)) <= {"gone"}


async def test_first_calls_off_the_losers_and_they_are_no_failures(
    providers: OpenAIServer,
) -> None:
    providers.hold("primary", "secondary")
    result = await invoke("provider_redundancy", query="How many?", mode="first")
    assert result["winner"] == "tertiary"
    assert result["failures"] == {}
    outcomes = {name: entry["outcome"] for name, entry in result["entries"].items()}
    assert outcomes == {
        "primary": "called off",
        "secondary": "called off",
        "tertiary": "answered",
    }
    providers.wait_until_idle()
    assert providers.open == 0


async def test_an_answer_without_confidence_does_not_win(providers: OpenAIServer) -> None:
    providers.answers = answering(primary=0.1, secondary=0.2, tertiary=0.8)
    result = await invoke("provider_redundancy", query="How many?", mode="first")
    assert result["winner"] == "tertiary"


async def test_where_none_is_acceptable_the_best_is_taken(providers: OpenAIServer) -> None:
    providers.answers = answering(primary=0.1, secondary=0.3, tertiary=0.2)
    for mode in ("first", "hedge"):
        result = await invoke("provider_redundancy", query="How many?", mode=mode, delay=0.05)
        assert result["winner"] == "secondary"


async def test_hedge_asks_nobody_else_when_the_first_answers(providers: OpenAIServer) -> None:
    result = await invoke("provider_redundancy", query="How many?", mode="hedge", delay=60)
    assert result["winner"] == "primary"
    assert providers.counts == {"primary": 1}


async def test_hedge_asks_the_next_at_once_when_one_fails(providers: OpenAIServer) -> None:
    providers.script("primary", Status(400))
    result = await invoke("provider_redundancy", query="How many?", mode="hedge", delay=60)
    assert result["winner"] == "secondary"
    assert providers.counts == {"primary": 1, "secondary": 1}


@pytest.mark.parametrize("mode", ["first", "hedge"])
async def test_one_at_a_time_still_ends_with_the_first_answer(
    providers: OpenAIServer, mode: str
) -> None:
    values = workflow.check({"query": "How many?", "mode": mode, "delay": 60})
    result = await workflow.compile().ainvoke(values, context=context(1))
    assert result["winner"] == "primary"
    assert providers.counts == {"primary": 1}


async def test_a_later_run_on_the_thread_is_a_race_of_its_own(providers: OpenAIServer) -> None:
    graph = workflow.compile(checkpointer=InMemorySaver())
    values = workflow.check({"query": "How many?", "mode": "first"})
    for _ in range(2):
        assert (await graph.ainvoke(values, on("t")))["result"].startswith("by ")
    assert providers.counts.total() >= 2


async def test_a_provider_may_have_an_endpoint_of_its_own(
    providers: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer(answers=lambda _: {"answer": "elsewhere", "confidence": 1}) as other:
        monkeypatch.setenv("BRAID_PROVIDERS", f"small, llama3@{other.url}")
        result = await invoke("provider_redundancy", query="How many?")
        assert result["result"] == "elsewhere"
        assert result["entries"]["secondary"]["provider"] == f"llama3@{other.url}"
        [asked] = other.asked
        assert asked.body["model"] == "llama3"
        assert "canary" not in asked.headers["authorization"], "another endpoint gets no key"
    models = {asked.body["model"] for asked in providers.asked}
    assert models == {"small", "gpt-5.4-nano"}


async def test_the_losers_of_a_race_do_not_start_again_in_a_retry(providers: OpenAIServer) -> None:
    from dataclasses import replace

    once = RetryPolicy(max_attempts=2, initial_interval=0.01, retry_on=lambda error: True)
    providers.script("primary", Status(503))
    values = workflow.check({"query": "How many?", "mode": "first"})
    result = await replace(workflow, retry=once).compile().ainvoke(values)
    assert result["failures"] == {}
    assert providers.counts["primary"] == 1


def test_the_example_is_answered_offline(braid: Cli) -> None:
    output = run_example(braid, "provider_redundancy")
    assert output["result"]
    assert set(output["entries"]) == set(LABELS)
    assert 0 <= output["confidence"] <= 1
