"""CPU-bound items on Dask, in processes of their own, and in the driver's own process."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from distributed.deploy.subprocess import SubprocessCluster

from benchmarks.measuring import Runs, Section, Target, in_turns, ratio
from benchmarks.toys import Done, mapping
from nodes.cluster import on_cluster

ITEMS = 72
TRIVIAL_ITEMS = 500
LOOPS = 750_000
"""Turns of a loop in an item: some 50 ms of one core."""


def _compute(number: int) -> Done:
    value = number
    for _ in range(LOOPS):
        value = (value * 31 + 7) % 65_521
    return {"done": [value]}


async def compute_here(number: int) -> Done:
    """Keep the driver's one thread busy for as long as an item takes."""
    return _compute(number)


@on_cluster
def compute(number: int) -> Done:
    """Keep a core busy for as long as an item takes."""
    return _compute(number)


@on_cluster
def answer(number: int) -> Done:
    """Do nothing, so that what is left to measure is the way there and back."""
    return {"done": [number]}


def measure() -> Section:
    """Make a table of the figures, with the targets that they decide."""
    return _section(asyncio.run(_figures()))


async def _figures(repeats: int = 5) -> dict[str, float]:
    """Run the same items in every place, in turns; return medians, named with their units."""
    async with _workers(1) as one, _workers(4) as four:
        places = {"here": (compute_here, ""), "processes": (compute, "")}
        places |= {"one": (compute, one), "four": (compute, four)}
        runs = {name: _run(*place, ITEMS) for name, place in places.items()}
        seconds = await in_turns(runs, repeats, ITEMS)
        there_and_back = _run(answer, four, TRIVIAL_ITEMS)
        trivial = await in_turns({"wall": there_and_back}, 3 * repeats, TRIVIAL_ITEMS)
        cpu = [await _driver_cpu(there_and_back) for _ in range(repeats)]
    return {
        "cores": float(len(os.sched_getaffinity(0))),
        "item_ms": 1000 * statistics.median(seconds["here"]) / ITEMS,
        "four_dask_workers_over_one_x": ratio(seconds["one"], seconds["four"]),
        "four_dask_workers_over_driver_x": ratio(seconds["here"], seconds["four"]),
        "processes_over_driver_x": ratio(seconds["here"], seconds["processes"]),
        "dask_wall_per_trivial_item_ms": 1000 * statistics.median(trivial["wall"]) / TRIVIAL_ITEMS,
        "dask_driver_cpu_per_item_ms": 1000 * statistics.median(cpu) / TRIVIAL_ITEMS,
    }


def _section(figures: dict[str, float]) -> Section:
    return Section(
        name="cluster",
        title="CPU-bound items on several cores",
        note=(
            f"{ITEMS} items of {figures['item_ms']:.0f} ms in a MapReduce on "
            f"{figures['cores']:.0f} cores, and {TRIVIAL_ITEMS} items that do nothing."
        ),
        columns=["", "measured"],
        rows=[
            ["four Dask workers over one", f"{figures['four_dask_workers_over_one_x']:.2f} x"],
            [
                "four Dask workers over the driver's own thread",
                f"{figures['four_dask_workers_over_driver_x']:.2f} x",
            ],
            [
                "a process per core over the driver's own thread",
                f"{figures['processes_over_driver_x']:.2f} x",
            ],
            [
                "an item that does nothing, there and back through Dask",
                f"{figures['dask_wall_per_trivial_item_ms']:.2f} ms",
            ],
            [
                "of that, CPU of the driver",
                f"{figures['dask_driver_cpu_per_item_ms']:.2f} ms",
            ],
        ],
        targets=[
            Target(
                "four Dask workers over one", figures["four_dask_workers_over_one_x"], at_least=1.6
            ),
            Target(
                "what an item costs the driver",
                figures["dask_wall_per_trivial_item_ms"],
                at_most=3.0,
                unit="ms",
            ),
        ],
    )


def _run(worker: Any, address: str, items: int) -> Runs:
    graph = mapping(worker).compile()

    async def run() -> int:
        os.environ["DASK_SCHEDULER"] = address  # an empty one is none
        try:
            return int((await graph.ainvoke({"n": items}))["total"])
        finally:
            del os.environ["DASK_SCHEDULER"]

    return run


async def _driver_cpu(run: Runs) -> float:
    begun = time.process_time()
    await run()
    return time.process_time() - begun


@asynccontextmanager
async def _workers(count: int) -> AsyncIterator[str]:
    """Start a scheduler and workers of one thread, each a process, on 127.0.0.1."""
    cluster: Any = SubprocessCluster(
        n_workers=count,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        worker_kwargs={"dashboard_address": "127.0.0.1:0"},
        asynchronous=True,
    )
    async with cluster:
        await cluster.wait_for_workers(count)
        yield cluster.scheduler_address
