"""A branch of several steps moves on its own and keeps what its steps have made."""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from support.toys import Bench, ToyState, ToyWrites, fan, on


async def test_a_second_step_starts_before_a_slow_sibling_ends() -> None:
    second_started = asyncio.Event()

    async def first(state: ToyState) -> ToyWrites:
        return {"out": ["first"]}

    async def second(state: ToyState) -> ToyWrites:
        second_started.set()
        return {"out": ["second"]}

    async def sibling(state: ToyState) -> ToyWrites:
        await second_started.wait()
        return {"out": ["sibling"]}

    result = await fan({"two": [first, second], "slow": sibling}).compile().ainvoke({"x": 1})
    assert sorted(result["out"]) == ["first", "second", "sibling"]


async def test_a_step_sees_what_the_earlier_ones_made_and_nothing_of_a_sibling() -> None:
    bench = Bench()
    seen: dict[str, Any] = {}

    async def second(state: ToyState) -> ToyWrites:
        seen.update(state)
        return {"out": ["second"], "by_name": {"second": 2}}

    branches = {"other": bench.branch("other"), "two": [bench.branch("first"), second]}
    result = await fan(branches).compile().ainvoke({"x": 5})
    assert seen == {"x": 5, "note": None, "out": ["first"], "by_name": {"first": 5}, "top": -5.0}
    assert result["out"] == ["other", "first", "second"]
    assert result["by_name"] == {"other": 5, "first": 5, "second": 2}


async def test_each_step_retries_on_its_own() -> None:
    bench = Bench()
    failures = iter([ConnectionError("once")])

    async def flaky(state: ToyState) -> ToyWrites:
        bench.calls["flaky"] += 1
        for error in failures:
            raise error
        return {"out": ["flaky"]}

    await fan({"two": [bench.branch("first"), flaky]}).compile().ainvoke({"x": 1})
    assert bench.calls == {"first": 1, "flaky": 2}


async def test_a_retry_starts_at_the_step_that_failed_with_what_the_others_made() -> None:
    bench = Bench()
    bench.broken = {"third"}
    steps = [bench.branch(name) for name in ("first", "second", "third", "fourth")]
    graph = fan({"long": steps, "b": bench.branch("b")}).compile(checkpointer=InMemorySaver())
    paused = await graph.ainvoke({"x": 1}, on("t"), version="v2")
    assert paused.interrupts[0].value["failures"]["long"]["step"] == "third"
    assert paused.value["out"] == ["b"]
    await graph.ainvoke(Command(resume={"action": "retry"}), on("t"))
    bench.broken = set()
    result = await graph.ainvoke(Command(resume={"action": "retry"}), on("t"))
    assert bench.calls == {"first": 1, "second": 1, "third": 5, "fourth": 1, "b": 1}
    assert result["out"] == ["b", "first", "second", "third", "fourth"]
    spans = (await graph.aget_state(on("t"))).values["spans"]
    steps_done = [span["step"] for span in spans if span["name"] == "long"]
    assert sorted(steps_done) == ["first", "fourth", "second", "third", "third", "third"]


async def test_a_new_run_does_not_start_at_an_old_runs_step() -> None:
    bench = Bench()
    bench.broken = {"second"}
    graph = fan({"two": [bench.branch("first"), bench.branch("second")]}).compile(
        checkpointer=InMemorySaver()
    )
    await graph.ainvoke({"x": 1}, on("t"))
    bench.broken = set()
    result = await graph.ainvoke({"x": 2}, on("t"))
    assert bench.calls["first"] == 2
    assert result["by_name"] == {"first": 2, "second": 2}


async def test_steps_share_the_slots_of_their_superstep() -> None:
    bench = Bench()
    branches = {f"b{n}": [bench.branch(f"s{n}{m}", turns=9) for m in range(3)] for n in range(5)}
    await fan(branches, max_parallel=2).compile().ainvoke({"x": 1})
    assert bench.peak == 2


async def test_the_same_function_may_be_two_steps() -> None:
    bench = Bench()
    again = bench.branch("again")
    result = await fan({"twice": [again, again]}).compile().ainvoke({"x": 1})
    assert result["out"] == ["again", "again"]


async def test_an_interrupt_in_step_two_does_not_repeat_step_one() -> None:
    bench = Bench()

    async def asks(state: ToyState) -> ToyWrites:
        return {"out": [interrupt("go on?")]}

    graph = fan({"two": [bench.branch("first"), asks]}).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    result = await graph.ainvoke(Command(resume="yes"), on("t"))
    assert result["out"] == ["first", "yes"]
    assert bench.calls == {"first": 1}


def test_the_steps_are_in_the_drawing() -> None:
    bench = Bench()
    graph = fan({"two": [bench.branch("first"), bench.branch("second")]}).compile()
    assert {"two:first", "two:second"} <= set(graph.get_graph(xray=True).nodes)
