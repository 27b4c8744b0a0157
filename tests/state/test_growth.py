"""What runs add to a database: as much as docs/keeping.md says, and each as much as the last."""

from __future__ import annotations

import operator
import re
import secrets
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from langgraph.graph import START, StateGraph
from support.cli import ROOT
from support.toys import Bench, fan, mapping, on
from support.workflows import example
from typing_extensions import TypedDict

from graphs.builders import FanOut, MapReduce
from runner import catalogue
from state import forget, open_checkpointer

if TYPE_CHECKING:
    from state.threads import Saver

RUNS = 30


def fan_out(bench: Bench) -> FanOut:
    """Branches of one step and of three, whose values come together in one list."""
    steps = [bench.branch(f"step {number}") for number in range(3)]
    return fan({"one": bench.branch("one"), "two": bench.branch("two"), "steps": steps})


def map_reduce(bench: Bench) -> MapReduce:
    """Forty items in chunks; each is kept as soon as it is finished."""
    return mapping(bench.worker(), chunk_size=8)


class Piling(TypedDict):
    """A state that nothing clears."""

    x: int
    out: Annotated[list[str], operator.add]


async def growth(saver: Saver, graph: Any) -> float:
    """Return how many times more bytes the last third of the runs add than the first third."""
    sizes = [await saver.in_use()]
    for _ in range(RUNS):
        await graph.ainvoke({"x": 40}, on("thread"))
        sizes.append(await saver.in_use())
    added = [after - before for before, after in pairwise(sizes)]
    third = RUNS // 3
    return sum(added[-third:]) / sum(added[:third])


@pytest.mark.parametrize("declare", [fan_out, map_reduce])
async def test_many_runs_on_one_thread_add_the_same_each(
    database: str, declare: Callable[[Bench], FanOut | MapReduce]
) -> None:
    async with open_checkpointer(database) as saver:
        before = await saver.in_use()
        graph = declare(Bench()).compile(checkpointer=saver)
        assert 0.8 <= await growth(saver, graph) <= 1.2
        await forget(saver, ["thread"])
        assert await saver.in_use() == before


async def test_runs_that_pile_up_would_be_noticed(database: str) -> None:
    async def write(state: Piling) -> dict[str, list[str]]:
        return {"out": [secrets.token_hex(1_000)]}  # which cannot be compressed

    builder = StateGraph(Piling)
    builder.add_node("write", write)
    builder.add_edge(START, "write")
    async with open_checkpointer(database) as saver:
        assert await growth(saver, builder.compile(checkpointer=saver)) > 2


def documented() -> Iterator[tuple[str, str, int]]:
    """Yield (workflow, database, bytes of a run) from the table in docs/keeping.md."""
    page = (ROOT / "docs" / "keeping.md").read_text()
    for name, sqlite, postgres in re.findall(r"\| `(\w+)` \| (\d+) kB \| (\d+) kB \|", page):
        yield name, "sqlite", int(sqlite) * 1_000
        yield name, "postgres", int(postgres) * 1_000


async def test_a_run_takes_the_room_that_the_documentation_says(database: str) -> None:
    kind = "postgres" if database.startswith("postgres") else "sqlite"
    told = [(name, size) for name, where, size in documented() if where == kind]
    assert len(told) == 3
    async with open_checkpointer(database) as saver:
        for name, size in told:
            workflow = catalogue.load(name)
            graph = workflow.compile(checkpointer=saver)
            before = await saver.in_use()
            for _ in range(5):
                await graph.ainvoke(workflow.check(example(name)), on(name))
            assert (await saver.in_use() - before) / 5 == pytest.approx(size, rel=0.2), name
