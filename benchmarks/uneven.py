"""Branches whose steps take unequal time: ours against the flat wiring of the same steps."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langgraph.graph import END, START, StateGraph

from benchmarks.measuring import Section, Target, in_turns
from benchmarks.peers import _Sum
from benchmarks.toys import fan, on
from state import open_checkpointer

UNIT, REPEATS = 0.1, 9
STEPS = {"a": [1 * UNIT, 3 * UNIT], "b": [3 * UNIT, 1 * UNIT]}
CRITICAL = max(sum(steps) for steps in STEPS.values())


def measure() -> Section:
    """Time both against the longest branch."""
    ours, flat = asyncio.run(_measure())
    return Section(
        name="uneven",
        title="Uneven branches",
        note=(
            f"Two branches of two steps, one of 1 and 3 units of {UNIT * 1000:.0f} ms, the other "
            f"of 3 and 1. The critical path is 4 units. A flat wiring (each step a node of one "
            f"graph) waits at every superstep. Medians of {REPEATS} rounds in turns, on SQLite."
        ),
        columns=["", "time over the critical path"],
        rows=[
            ["Braid, SQLite", f"{ours:.2f}"],
            ["LangGraph, flat, AsyncSqliteSaver", f"{flat:.2f}"],
        ],
        targets=[Target("uneven branches, SQLite, over the critical path", ours, at_most=1.10)],
    )


async def _measure() -> tuple[float, float]:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    threads = itertools.count()
    with TemporaryDirectory(prefix="braid-bench-") as folder:
        async with (
            open_checkpointer(Path(folder) / "braid.sqlite") as saver,
            AsyncSqliteSaver.from_conn_string(f"{folder}/flat.sqlite") as stock,
        ):
            ours = fan(STEPS).compile(checkpointer=saver)
            flat = _flat().compile(checkpointer=stock)

            async def run_ours() -> int:
                return len((await ours.ainvoke({"n": 2}, on(next(threads))))["failures"])

            async def run_flat() -> int:
                return len((await flat.ainvoke({"n": 2}, on(next(threads))))["done"])

            seconds = await in_turns({"ours": run_ours, "flat": run_flat}, REPEATS)
    middle = {name: sorted(series)[len(series) // 2] for name, series in seconds.items()}
    return middle["ours"] / CRITICAL, middle["flat"] / CRITICAL


def _flat() -> StateGraph[Any]:
    def step(seconds: float) -> Any:
        async def work(state: _Sum) -> dict[str, list[int]]:
            await asyncio.sleep(seconds)
            return {"done": [1]}

        return work

    graph = StateGraph(_Sum)
    graph.add_node("join", lambda state: {})
    for name, (first, second) in STEPS.items():
        graph.add_node(f"{name}_0", step(first))
        graph.add_node(f"{name}_1", step(second))
        graph.add_edge(START, f"{name}_0")
        graph.add_edge(f"{name}_0", f"{name}_1")
    graph.add_edge([f"{name}_1" for name in STEPS], "join")
    graph.add_edge("join", END)
    return graph
