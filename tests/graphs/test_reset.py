"""A second run on a thread is what it would have been on a fresh one, for every reducer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from support.toys import QUICK, on
from typing_extensions import TypedDict

from graphs.builders import FanOut, MapReduce
from reducers import (
    add,
    deep_merge,
    keep_max,
    keep_min,
    mean,
    mean_of,
    merge,
    rank_fusion,
    ranks_of,
    tally,
    top_k,
    union,
    upsert,
)
from state import ParallelOutput, ParallelState, open_checkpointer


class Input(TypedDict):
    x: int


class Kept(TypedDict, total=False):
    added: Annotated[list[int], add]
    united: Annotated[list[int], union]
    rows: Annotated[list[dict[str, int]], upsert("id")]
    best: Annotated[list[int], top_k(2)]
    merged: Annotated[dict[str, int], merge]
    deep: Annotated[dict[str, Any], deep_merge]
    counted: Annotated[dict[str, int], tally]
    most: Annotated[float | None, keep_max]
    least: Annotated[float | None, keep_min]
    middle: Annotated[dict[str, Any], mean]
    ranks: Annotated[dict[str, list[int]], rank_fusion]
    plain: int | None


class State(ParallelState, Kept, total=False):
    x: int


class Output(ParallelOutput, Kept, total=False):
    pass


def written(name: str, x: int) -> dict[str, Any]:
    return {
        "added": [x],
        "united": [x, 0],
        "rows": [{"id": x, "x": x}],
        "best": [x],
        "merged": {f"{name}{x}": x},
        "deep": {name: {str(x): x}},
        "counted": {str(x): x},
        "most": float(x),
        "least": float(x),
        "middle": mean_of(x),
        "ranks": ranks_of([str(x), name]),
    }


async def a(state: State) -> dict[str, Any]:
    return written("a", state["x"])


async def b(state: State) -> dict[str, Any]:
    if state["x"] == 9:
        raise ValueError("fails in the first run only")
    return written("b", -state["x"])


async def work(number: int) -> dict[str, Any]:
    return written("w", number)


def by_number(state: State) -> dict[str, int]:
    return {str(n): n + state["x"] for n in range(3)}


async def count(state: State) -> dict[str, Any]:
    return {"plain": len(state["added"])}


FAN = FanOut(
    name="fan",
    input=Input,
    state=State,
    output=Output,
    branches={"a": a, "b": [b]},
    aggregator=count,
    quorum=1,
    retry=QUICK,
)
MAP = MapReduce(
    name="map",
    input=Input,
    state=State,
    output=Output,
    split=by_number,
    worker=work,
    aggregator=count,
    retry=QUICK,
)


@pytest.mark.parametrize("workflow", [FAN, MAP], ids=lambda w: w.name)
async def test_nothing_of_the_first_run_is_left(workflow: Any, tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path / "braid.sqlite") as saver:
        graph = workflow.compile(checkpointer=saver)
        first = await graph.ainvoke({"x": 9}, on("used"))
        second = await graph.ainvoke({"x": -3}, on("used"))
        third = await graph.ainvoke({"x": -3}, on("used"))
        fresh = await graph.ainvoke({"x": -3}, on("fresh"))
    assert set(fresh) == set(Output.__annotations__)
    assert second == third == fresh != first


async def test_runs_on_one_thread_do_not_make_each_other_larger(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path / "braid.sqlite") as saver:
        graph = MAP.compile(checkpointer=saver)
        sizes = []
        for _ in range(6):
            await graph.ainvoke({"x": 1}, on("used"))
            stored = await saver.aget_tuple(on("used"))  # type: ignore[arg-type]
            assert stored is not None
            sizes.append(len(saver.serde.dumps_typed(stored.checkpoint["channel_values"])[1]))
    assert max(sizes[1:]) - min(sizes[1:]) < 64, sizes
