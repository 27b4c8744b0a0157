"""FanOut: every branch ends, join runs once per round, and a failure is a value."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from pydantic import ValidationError
from support.toys import QUICK, Bench, ToyState, ToyWrites, context, fan, on

from graphs.builders import Branch, FanOut, InputError, QuorumNotMet


def three(bench: Bench, **changes: Any) -> FanOut:
    return fan({name: bench.branch(name) for name in ("a", "b", "c")}, **changes)


async def test_a_run_returns_the_output_keys_and_nothing_else() -> None:
    result = await three(Bench()).compile().ainvoke({"x": 4})
    assert result == {
        "out": ["a", "b", "c"],
        "top": -1.0,
        "by_name": {"a": 4, "b": 4, "c": 4},
        "total": 3,
        "status": "complete",
        "failures": {},
    }


async def test_a_failing_branch_leaves_its_siblings_and_a_partial_result() -> None:
    bench = Bench()
    bench.broken = {"b"}
    result = await three(bench, quorum=2).compile().ainvoke({"x": 1})
    assert result["status"] == "partial"
    assert result["out"] == ["a", "c"]
    assert result["failures"] == {
        "b": {"error_type": "ConnectionError", "message": "b is down", "attempts": 2}
    }
    assert bench.calls == {"a": 1, "b": 2, "c": 1}


@pytest.mark.parametrize(
    ("quorum", "broken", "met"),
    [
        (None, set(), True),
        (None, {"a"}, False),
        (2, {"a"}, True),
        (2, {"a", "b"}, False),
        (1, {"a", "b"}, True),
        (1, {"a", "b", "c"}, False),
        (0.5, {"a"}, True),
        (0.5, {"a", "b"}, False),
        (0.34, {"a"}, True),
        (0.33, {"a", "b"}, True),
    ],
)
async def test_the_quorum_is_a_count_or_a_share_rounded_up(
    quorum: int | float | None, broken: set[str], met: bool
) -> None:
    bench = Bench()
    bench.broken = broken
    graph = three(bench, quorum=quorum).compile()
    if met:
        assert (await graph.ainvoke({"x": 1}))["status"] == ("partial" if broken else "complete")
    else:
        with pytest.raises(QuorumNotMet):
            await graph.ainvoke({"x": 1})


async def test_without_a_checkpointer_a_shortfall_raises_and_names_every_error() -> None:
    bench = Bench()
    bench.broken = {"a", "c"}
    with pytest.raises(QuorumNotMet) as raised:
        await three(bench).compile().ainvoke({"x": 1}, on("a thread id is no checkpointer"))
    assert str(raised.value) == (
        "toy: 1 of 3 succeeded, 3 are needed. "
        "a: ConnectionError: a is down; c: ConnectionError: c is down"
    )


async def test_a_pause_says_why_and_what_may_be_answered() -> None:
    bench = Bench()
    bench.broken = {"b"}
    graph = three(bench).compile(checkpointer=InMemorySaver())
    paused = await graph.ainvoke({"x": 1}, on("t"), version="v2")
    [question] = paused.interrupts
    assert question.value["workflow"] == "toy"
    assert question.value["reason"].startswith("toy: 2 of 3 succeeded, 3 are needed.")
    assert list(question.value["failures"]) == ["b"]
    assert question.value["actions"] == ["retry", "accept", "abort"]


async def test_a_pause_names_at_most_twenty_failures() -> None:
    bench = Bench()
    names = [f"b{number:02}" for number in range(25)]
    bench.broken = set(names)
    graph = fan({name: bench.branch(name) for name in names}).compile(checkpointer=InMemorySaver())
    paused = await graph.ainvoke({"x": 1}, on("t"), version="v2")
    assert len(paused.interrupts[0].value["failures"]) == 20
    assert len((await graph.aget_state(on("t"))).values["failures"]) == 25


async def test_retry_runs_only_what_failed_as_often_as_asked() -> None:
    bench = Bench()
    bench.broken = {"a", "b"}
    graph = three(bench).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    bench.calls.clear()
    bench.broken = {"b"}
    again = await graph.ainvoke(Command(resume={"action": "retry"}), on("t"), version="v2")
    assert list(again.interrupts[0].value["failures"]) == ["b"]
    bench.broken = set()
    result = await graph.ainvoke(Command(resume={"action": "retry"}), on("t"))
    assert bench.calls == {"a": 1, "b": 3}
    assert result["status"] == "complete"
    assert result["failures"] == {}
    assert sorted(result["out"]) == ["a", "b", "c"]
    assert (await graph.aget_state(on("t"))).values["unfinished"] == {}


async def test_accept_takes_what_there_is() -> None:
    bench = Bench()
    bench.broken = {"b"}
    graph = three(bench).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    result = await graph.ainvoke(Command(resume={"action": "accept"}), on("t"))
    assert (result["status"], result["total"]) == ("partial", 2)
    assert list(result["failures"]) == ["b"]


async def test_abort_ends_the_run_without_the_aggregator() -> None:
    bench = Bench()
    bench.broken = {"b"}
    graph = three(bench).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    result = await graph.ainvoke(Command(resume={"action": "abort"}), on("t"))
    assert result["status"] == "aborted"
    assert "total" not in result
    assert (await graph.aget_state(on("t"))).next == ()


@pytest.mark.parametrize("answer", [{"action": "maybe"}, "retry", {"action": None}, 7])
async def test_an_invalid_answer_leaves_the_pause_answerable(answer: Any) -> None:
    bench = Bench()
    bench.broken = {"b"}
    graph = three(bench).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    with pytest.raises(ValidationError):
        await graph.ainvoke(Command(resume=answer), on("t"))
    result = await graph.ainvoke(Command(resume={"action": "accept"}), on("t"))
    assert result["status"] == "partial"


async def test_an_empty_answer_asks_again() -> None:
    bench = Bench()
    bench.broken = {"b"}
    graph = three(bench).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    paused = await graph.ainvoke(Command(resume={}), on("t"), version="v2")
    assert list(paused.interrupts[0].value["failures"]) == ["b"]


async def test_accept_is_not_offered_when_nothing_succeeded() -> None:
    bench = Bench()
    bench.broken = {"a", "b", "c"}
    graph = three(bench).compile(checkpointer=InMemorySaver())
    paused = await graph.ainvoke({"x": 1}, on("t"), version="v2")
    assert paused.interrupts[0].value["actions"] == ["retry", "abort"]
    with pytest.raises(ValidationError):
        await graph.ainvoke(Command(resume={"action": "accept"}), on("t"))
    assert (await graph.ainvoke(Command(resume={"action": "abort"}), on("t")))[
        "status"
    ] == "aborted"


async def test_resuming_a_run_that_raised_tries_again_what_failed() -> None:
    bench = Bench()
    bench.broken = {"b"}
    graph = three(bench, on_shortfall="raise").compile(checkpointer=InMemorySaver())
    with pytest.raises(QuorumNotMet):
        await graph.ainvoke({"x": 1}, on("t"))
    bench.calls.clear()
    with pytest.raises(QuorumNotMet):
        await graph.ainvoke(None, on("t"))
    bench.broken = set()
    result = await graph.ainvoke(None, on("t"))
    assert bench.calls == {"b": 3}
    assert result["status"] == "complete"


async def test_a_finished_partial_run_can_be_completed_later() -> None:
    bench = Bench()
    bench.broken = {"c"}
    workflow = three(bench, quorum=2)
    graph = workflow.compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    bench.broken, bench.calls = set(), type(bench.calls)()
    command = workflow.again((await graph.aget_state(on("t"))).values)
    result = await graph.ainvoke(command, on("t"))
    assert bench.calls == {"c": 1}
    assert (result["status"], result["total"]) == ("complete", 3)
    assert workflow.again((await graph.aget_state(on("t"))).values) is None


async def test_two_runs_on_one_thread_do_not_mix() -> None:
    bench = Bench()
    workflow = three(bench, quorum=1)
    bench.broken = {"b"}
    used = workflow.compile(checkpointer=InMemorySaver())
    await used.ainvoke({"x": 1, "note": "first"}, on("t"))
    bench.broken = {"c"}
    second = await used.ainvoke({"x": 2, "note": None}, on("t"))
    fresh = await workflow.compile(checkpointer=InMemorySaver()).ainvoke({"x": 2}, on("t"))
    assert second == fresh
    assert len((await used.aget_state(on("t"))).values["spans"]) == 4


async def test_a_new_run_after_an_abort_starts_afresh() -> None:
    bench = Bench()
    bench.broken = {"a"}
    graph = three(bench).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    await graph.ainvoke(Command(resume={"action": "abort"}), on("t"))
    bench.broken = set()
    result = await graph.ainvoke({"x": 1}, on("t"))
    assert (result["status"], result["out"]) == ("complete", ["a", "b", "c"])


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({}, "toy: the input field 'x' is missing"),
        (
            {"x": -1},
            "toy: the input field 'x' is wrong: "
            "Input should be greater than or equal to 0 (got -1)",
        ),
        ({"note": "n"}, "toy: the input field 'x' is missing"),
    ],
)
async def test_bad_input_starts_no_branch(bad: dict[str, Any], sentence: str) -> None:
    bench = Bench()
    with pytest.raises(InputError) as raised:
        await three(bench).compile().ainvoke(bad)
    assert str(raised.value) == sentence
    assert not bench.calls


async def test_the_input_is_coerced_before_any_branch_sees_it() -> None:
    bench = Bench()
    await three(bench).compile().ainvoke({"x": "7"})
    assert bench.seen["a"]["x"] == 7


def test_check_refuses_unknown_fields_and_names_the_nearest() -> None:
    with pytest.raises(InputError, match="no input field 'note_'; did you mean 'note'"):
        three(Bench()).check({"x": 1, "note_": "n"})


async def test_fields_can_be_checked_against_each_other() -> None:
    def validate(values: Mapping[str, Any]) -> None:
        if values["note"] is None and values["x"] > 5:
            raise ValueError("above 5 a note is needed")

    bench = Bench()
    workflow = three(bench, validate=validate)
    with pytest.raises(InputError, match="toy: above 5 a note is needed"):
        await workflow.compile().ainvoke({"x": 6})
    assert not bench.calls
    assert (await workflow.compile().ainvoke({"x": 6, "note": "n"}))["status"] == "complete"


def test_check_returns_every_field_and_none_for_the_absent() -> None:
    assert three(Bench()).check({"x": "3"}) == {"x": 3, "note": None}


async def test_a_branch_sees_the_input_and_empty_accumulators_in_every_round() -> None:
    bench = Bench()
    bench.broken = {"b"}
    graph = three(bench).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1, "note": "n"}, on("t"))
    first = bench.seen["b"]
    await graph.ainvoke(Command(resume={"action": "retry"}), on("t"))
    assert bench.seen["b"] == first == {"x": 1, "note": "n", "out": [], "by_name": {}}


async def test_a_branch_that_changes_its_state_in_place_changes_nothing_else() -> None:
    seen: list[dict[str, Any]] = []

    async def vandal(state: ToyState) -> ToyWrites:
        seen.append(dict(state))
        state["out"].append("mine")
        state["x"] = 99
        if len(seen) == 1:
            raise ConnectionError("try again")
        return {"out": ["vandal"]}

    bench = Bench()
    graph = fan({"vandal": vandal, "b": bench.branch("b", turns=5)}).compile()
    result = await graph.ainvoke({"x": 1})
    assert seen[0]["x"] == seen[1]["x"] == 1
    assert result["out"] == ["b", "vandal"]
    assert result["by_name"] == {"b": 1}


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_the_peak_is_exactly_the_limit(limit: int) -> None:
    bench = Bench()
    workflow = fan({f"b{n}": bench.branch(f"b{n}", turns=20) for n in range(6)})
    await replace(workflow, max_parallel=limit).compile().ainvoke({"x": 1})
    assert bench.peak == limit
    bench.peak = 0
    await workflow.compile().ainvoke({"x": 1}, context=context(limit))
    assert bench.peak == limit


async def test_a_run_may_ask_for_other_slots_than_the_workflow() -> None:
    bench = Bench()
    workflow = fan({f"b{n}": bench.branch(f"b{n}", turns=20) for n in range(6)}, max_parallel=1)
    await workflow.compile().ainvoke({"x": 1}, context=context(4))
    assert bench.peak == 4


async def test_two_runs_at_once_have_their_own_slots() -> None:
    bench = Bench()
    graph = fan({f"b{n}": bench.branch(f"b{n}", turns=20) for n in range(4)}).compile()
    await asyncio.gather(*(graph.ainvoke({"x": 1}, context=context(1)) for _ in range(3)))
    assert bench.peak == 3


async def test_waiting_between_attempts_holds_no_slot() -> None:
    order: list[str] = []

    async def flaky(state: ToyState) -> ToyWrites:
        order.append("flaky")
        if order.count("flaky") == 1:
            raise ConnectionError("once")
        return {"out": ["flaky"]}

    async def steady(state: ToyState) -> ToyWrites:
        order.append("steady")
        return {"out": ["steady"]}

    slow_retry = QUICK._replace(initial_interval=0.05)
    workflow = fan({"a": Branch(flaky, retry=slow_retry), "b": steady}, max_parallel=1)
    await workflow.compile().ainvoke({"x": 1})
    assert order == ["flaky", "steady", "flaky"]


async def test_the_timeout_starts_when_the_slot_is_taken() -> None:
    async def brief(state: ToyState) -> ToyWrites:
        await asyncio.sleep(0.2)
        return {"out": ["ok"]}

    branches = {f"b{n}": Branch(brief, timeout=0.9) for n in range(6)}
    result = await fan(branches, max_parallel=1).compile().ainvoke({"x": 1})
    assert result["status"] == "complete"


async def test_join_runs_once_however_uneven_the_branches_are() -> None:
    bench = Bench()
    joined = 0
    branches = {
        "short": bench.branch("short"),
        "long": [bench.branch(f"l{n}", turns=30) for n in range(4)],
        "middle": [bench.branch("m0", turns=10), bench.branch("m1")],
    }
    graph = fan(branches).compile()
    async for chunk in graph.astream({"x": 1}, stream_mode="updates"):
        joined += "join" in chunk
    assert joined == 1


async def test_an_interrupt_in_a_branch_passes_through_and_its_answer_comes_back() -> None:
    bench = Bench()

    async def asks(state: ToyState) -> ToyWrites:
        return {"out": [interrupt("really?")]}

    graph = fan({"asks": asks, "b": bench.branch("b")}).compile(checkpointer=InMemorySaver())
    paused = await graph.ainvoke({"x": 1}, on("t"), version="v2")
    assert [question.value for question in paused.interrupts] == ["really?"]
    result = await graph.ainvoke(Command(resume="yes"), on("t"))
    assert result["out"] == ["yes", "b"]
    assert bench.calls == {"b": 1}


async def test_the_aggregators_own_error_is_raised_and_resuming_runs_it_alone() -> None:
    bench = Bench()
    broken = True

    async def aggregate(state: ToyState) -> dict[str, Any]:
        bench.calls["aggregate"] += 1
        if broken:
            raise ValueError("cannot add up")
        return {"total": len(state["out"])}

    graph = three(bench, aggregator=aggregate).compile(checkpointer=InMemorySaver())
    with pytest.raises(ValueError, match="cannot add up"):
        await graph.ainvoke({"x": 1}, on("t"))
    broken = False
    result = await graph.ainvoke(None, on("t"))
    assert result["total"] == 3
    assert bench.calls == {"a": 1, "b": 1, "c": 1, "aggregate": 2}


async def test_a_workflow_works_as_a_node_of_a_bigger_graph() -> None:
    from langgraph.graph import START, StateGraph

    bench = Bench()
    bench.broken = {"b"}
    outer = StateGraph(ToyState)
    outer.add_node("inner", three(bench).compile())
    outer.add_edge(START, "inner")
    graph = outer.compile(checkpointer=InMemorySaver())
    paused = await graph.ainvoke({"x": 1}, on("t"), version="v2")
    assert list(paused.interrupts[0].value["failures"]) == ["b"]
    bench.broken = set()
    result = await graph.ainvoke(Command(resume={"action": "retry"}), on("t"))
    assert bench.calls == {"a": 1, "b": 3, "c": 1}
    assert sorted(result["out"]) == ["a", "b", "c"]
