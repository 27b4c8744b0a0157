"""A run that is asked to end (RunControl.request_drain) starts nothing more, and goes on later."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from support.toys import ToyState, ToyWrites, context, fan, mapping, on

WIDE = 12


class Draining:
    """Branches that ask for the end of their run when so many have started."""

    def __init__(self, after: int) -> None:
        self.control, self.after = RunControl(), after
        self.started: list[str] = []

    async def work(self, name: str) -> ToyWrites:
        self.started.append(name)
        if len(self.started) == self.after:
            self.control.request_drain("a deployment")
        for _ in range(3):
            await asyncio.sleep(0)
        return {"out": [name]}


def branches(draining: Draining) -> Any:
    def branch(name: str) -> Any:
        async def function(state: ToyState) -> ToyWrites:
            return await draining.work(name)

        return function

    return fan({f"b{number}": branch(f"b{number}") for number in range(WIDE)})


def steps(draining: Draining) -> Any:
    def step(name: str) -> Any:
        async def function(state: ToyState) -> ToyWrites:
            return await draining.work(name)

        function.__name__ = name
        return function

    return fan({f"b{n}": [step(f"one{n}"), step(f"two{n}")] for n in range(WIDE // 2)})


def items(draining: Draining, chunk_size: int) -> Any:
    async def worker(number: int) -> ToyWrites:
        return await draining.work(str(number))

    return mapping(worker, chunk_size=chunk_size)


MADE = {
    "branches": branches,
    "steps": steps,
    "items alone": lambda draining: items(draining, 1),
    "chunks": lambda draining: items(draining, 5),
    "one chunk": lambda draining: items(draining, WIDE),
}


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("pattern", MADE)
async def test_what_waits_for_a_slot_is_left_to_the_next_process(pattern: str, limit: int) -> None:
    draining = Draining(after=limit + 1)
    graph = MADE[pattern](draining).compile(checkpointer=InMemorySaver())
    with pytest.raises(GraphDrained, match="a deployment"):
        await graph.ainvoke({"x": WIDE}, on("t"), context=context(limit), control=draining.control)
    assert limit < len(draining.started) <= 2 * limit
    result = await graph.ainvoke(None, on("t"), context=context(limit))
    assert result["status"] == "complete"
    assert sorted(draining.started) == sorted(result["out"]), "each ran once"
    assert len(draining.started) == WIDE
