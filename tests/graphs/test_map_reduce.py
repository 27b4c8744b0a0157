"""MapReduce: one branch per item, in chunks that change nothing but the speed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from support.toys import Bench, ToyState, ToyWrites, context, mapping, on

from graphs.builders import InputError, QuorumNotMet
from graphs.items import chunks

SIZES = [None, 1, 3, 1000]


@pytest.mark.parametrize("size", SIZES)
async def test_every_item_runs_once_and_the_results_are_in_the_items_order(
    size: int | None,
) -> None:
    bench = Bench()
    result = await mapping(bench.worker(), chunk_size=size).compile().ainvoke({"x": 40})
    assert result["out"] == [str(number) for number in range(40)]
    assert set(bench.calls.values()) == {1}
    assert (result["total"], result["status"], result["failures"]) == (40, "complete", {})


@pytest.mark.parametrize("size", SIZES)
async def test_empty_input_reaches_the_aggregator(size: int | None) -> None:
    result = await mapping(Bench().worker(), chunk_size=size, quorum=3).compile().ainvoke({"x": 0})
    assert (result["total"], result["status"]) == (0, "complete")


@pytest.mark.parametrize("size", SIZES)
async def test_a_failure_is_recorded_under_its_item(size: int | None) -> None:
    bench = Bench()
    bench.broken = {"3", "17"}
    graph = mapping(bench.worker(), chunk_size=size, quorum=0.9).compile()
    result = await graph.ainvoke({"x": 20})
    assert result["status"] == "partial"
    assert result["failures"] == {
        name: {"error_type": "ConnectionError", "message": f"{name} is down", "attempts": 2}
        for name in ("3", "17")
    }
    assert result["total"] == 18
    assert bench.calls["3"] == 2
    assert bench.calls["4"] == 1


@pytest.mark.parametrize("size", SIZES)
async def test_a_retry_runs_only_the_failed_items_and_does_not_plan_again(
    size: int | None,
) -> None:
    bench = Bench()
    planned = 0

    async def plan(state: ToyState) -> dict[str, int]:
        nonlocal planned
        planned += 1
        return {str(number): number for number in range(state["x"])}

    bench.broken = {"3", "7"}
    workflow = mapping(bench.worker(), split=plan, chunk_size=size)
    graph = workflow.compile(checkpointer=InMemorySaver())
    paused = await graph.ainvoke({"x": 10}, on("t"), version="v2")
    assert set(paused.interrupts[0].value["failures"]) == {"3", "7"}
    bench.calls.clear()
    bench.broken = {"7"}
    await graph.ainvoke(Command(resume={"action": "retry"}), on("t"))
    bench.broken = set()
    result = await graph.ainvoke(Command(resume={"action": "retry"}), on("t"))
    assert bench.calls == {"3": 1, "7": 3}
    assert planned == 1
    assert (result["status"], result["total"], result["failures"]) == ("complete", 10, {})


async def test_a_finished_partial_run_can_be_completed_later() -> None:
    bench = Bench()
    bench.broken = {"2"}
    workflow = mapping(bench.worker(), quorum=0.5)
    graph = workflow.compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 5}, on("t"))
    bench.broken = set()
    bench.calls.clear()
    command = workflow.again((await graph.aget_state(on("t"))).values)
    result = await graph.ainvoke(command, on("t"))
    assert bench.calls == {"2": 1}
    assert (result["status"], result["total"]) == ("complete", 5)


async def test_too_few_items_raise_without_a_checkpointer() -> None:
    bench = Bench()
    bench.broken = {"1"}
    with pytest.raises(QuorumNotMet, match=r"toy_map: 2 of 3 succeeded, 3 are needed\. 1: "):
        await mapping(bench.worker()).compile().ainvoke({"x": 3})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_the_peak_is_exactly_the_limit(size: int | None, limit: int) -> None:
    bench = Bench()
    workflow = mapping(bench.worker(turns=10), chunk_size=size, max_parallel=limit)
    await workflow.compile().ainvoke({"x": 40})
    assert bench.peak == limit
    bench.peak = 0
    await (
        mapping(bench.worker(turns=10), chunk_size=size)
        .compile()
        .ainvoke({"x": 40}, context=context(limit))
    )
    assert bench.peak == limit


async def test_two_runs_on_one_thread_do_not_mix() -> None:
    bench = Bench()
    bench.broken = {"4"}
    workflow = mapping(bench.worker(), quorum=0.5)
    graph = workflow.compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 9}, on("t"))
    second = await graph.ainvoke({"x": 3}, on("t"))
    assert second == await workflow.compile().ainvoke({"x": 3})


async def test_split_may_give_pairs_and_payloads_of_any_kind() -> None:
    async def work(payload: Any) -> ToyWrites:
        return {"out": [repr(payload)]}

    def pairs(state: ToyState) -> Any:
        return [("a", None), ("b", {"k": [1]}), (3, "text")]

    result = await mapping(work, split=pairs).compile().ainvoke({"x": 1})
    assert result["out"] == ["None", "{'k': [1]}", "'text'"]


async def test_a_payload_of_none_can_be_retried() -> None:
    bench = Bench()

    async def work(payload: Any) -> ToyWrites:
        bench.calls["w"] += 1
        if bench.broken:
            raise ConnectionError("down")
        return {"out": ["done"]}

    bench.broken = {"w"}
    graph = mapping(work, split=lambda state: {"a": None}).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    bench.broken = set()
    result = await graph.ainvoke(Command(resume={"action": "retry"}), on("t"))
    assert result["out"] == ["done"]


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ([("a", 1), ("a", 2)], "two items with the id 'a'"),
        ([("1", 1), (1, 2)], "two items with the id '1'"),
        (7, "split returned int"),
        ("text", "split returned str"),
        ({"a": object()}, "cannot be stored"),
    ],
)
async def test_a_split_that_does_not_tell_items_apart_is_an_input_error(
    made: Any, sentence: str
) -> None:
    bench = Bench()
    with pytest.raises((InputError, TypeError), match=sentence):
        await mapping(bench.worker(), split=lambda state: made).compile().ainvoke({"x": 1})
    assert not bench.calls


async def test_a_planner_is_tried_again_and_its_last_error_is_raised() -> None:
    calls = 0

    async def plan(state: ToyState) -> dict[str, int]:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ConnectionError("planner is down")
        return {"a": 1}

    with pytest.raises(ConnectionError, match="planner is down"):
        await mapping(Bench().worker(), split=plan).compile().ainvoke({"x": 1})
    assert (await mapping(Bench().worker(), split=plan).compile().ainvoke({"x": 1}))["total"] == 1


async def test_an_item_may_ask_a_question_when_it_is_alone_in_its_chunk() -> None:
    async def asks(number: int) -> ToyWrites:
        return {"out": [f"{number}={interrupt(number)}"]}

    graph = mapping(asks, chunk_size=1).compile(checkpointer=InMemorySaver())
    paused = await graph.ainvoke({"x": 3}, on("t"), version="v2")
    answers = {question.id: question.value * 10 for question in paused.interrupts}
    result = await graph.ainvoke(Command(resume=answers), on("t"))
    assert result["out"] == ["0=0", "1=10", "2=20"]


async def test_a_question_inside_a_chunk_is_refused_by_name() -> None:
    async def asks(number: int) -> ToyWrites:
        return {"out": [f"{number}={interrupt(number)}"]}

    graph = mapping(asks, chunk_size=3).compile(checkpointer=InMemorySaver())
    with pytest.raises(TypeError, match="only works with chunk_size=1"):
        await graph.ainvoke({"x": 3}, on("t"))


async def test_streamed_events_name_the_item() -> None:
    bench = Bench()
    bench.broken = {"1"}
    graph = mapping(bench.worker(), quorum=1).compile()
    events = [event async for event in graph.astream({"x": 3}, stream_mode="custom")]
    ends = {e["braid"]: e["status"] for e in events if e["ev"] == "end" and e["node"] == "worker"}
    assert ends == {"0": "ok", "1": "failed", "2": "ok"}
    assert [e["braid"] for e in events if e["node"] == "split"] == ["split", "split"]


async def test_a_run_that_is_cancelled_keeps_the_items_that_had_finished() -> None:
    release, five_done, done = asyncio.Event(), asyncio.Event(), list[int]()

    async def work(number: int) -> ToyWrites:
        if number >= 5:
            await release.wait()
        done.append(number)
        if len(done) == 5:
            five_done.set()
        return {"out": [str(number)]}

    graph = mapping(work, chunk_size=10).compile(checkpointer=InMemorySaver())
    run = asyncio.create_task(graph.ainvoke({"x": 10}, on("t")))
    await five_done.wait()
    for _ in range(50):
        await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    release.set()
    result = await graph.ainvoke(None, on("t"))
    assert result["total"] == 10
    assert sorted(done) == list(range(10))


@given(st.integers(0, 6000), st.one_of(st.none(), st.integers(1, 200)))
@settings(max_examples=200, deadline=None)
def test_chunks_hold_every_item_once_in_order(count: int, size: int | None) -> None:
    items = {str(number): number for number in range(count)}
    sends = chunks(items, size)
    packed = [pair for send in sends for pair in send.arg["items"].items()]
    assert packed == list(items.items())
    longest = max((len(send.arg["items"]) for send in sends), default=0)
    assert longest <= (size or 256)
    if size is None and count > 16 * 256:
        assert longest == 256
