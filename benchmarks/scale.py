"""What a run costs as it grows, and the arithmetic beyond what was measured."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import Section, Target
from benchmarks.toys import Done, mapping, on, wait
from state import open_checkpointer

WIDTHS, REPEATS = (100, 316, 1_000, 3_162, 10_000, 20_000, 31_623), 5
BEYOND = (100_000, 1_000_000)
HEAVY, RESULT = 1_000, 10_000
"""Items whose results have so many bytes."""
SIZES = ("memory", "database")
Costs = dict[str, float]


def measure() -> Section:
    """Measure each width in processes of its own; calculate what lies beyond."""
    runs: dict[int, list[Costs]] = {}
    for _, width in itertools.product(range(REPEATS), WIDTHS):
        runs.setdefault(width, []).append(_run(width))
    found = {width: _medians(costs) for width, costs in runs.items()}
    heavy = _medians([_run(HEAVY, RESULT) for _ in range(REPEATS)])
    (early, late) = WIDTHS[-3], WIDTHS[-1]
    slopes = {
        cost: math.log(found[late][cost] / found[early][cost]) / math.log(late / early)
        for cost in found[late]
    }
    rows = [[f"{width:,}", *_cells(costs, width)] for width, costs in found.items()]
    rows.append([f"{HEAVY:,}, each result {RESULT // 1000} kB", *_cells(heavy, HEAVY)])
    exponents = [f"n^{slopes[cost]:.2f}" for cost in found[late]]
    rows.append([f"slope from {early:,}", *exponents, "", ""])
    for width in BEYOND:
        reached = {
            cost: value * (width / late) ** slopes[cost] for cost, value in found[late].items()
        }
        rows.append([f"{width:,} (calculated)", *_cells(reached, width)])
    return Section(
        name="scale",
        title="One run as it grows",
        note=(
            "A map over numbers, each item 50 ms, its result a number, default chunks, SQLite. "
            "CPU is that of the process, memory what the run adds to its peak. "
            f"Medians of {REPEATS}. The lines marked as calculated continue the slope; they were "
            "not run."
        ),
        columns=["items", "time", "CPU", *SIZES, *(f"{size} an item" for size in SIZES)],
        rows=rows,
        targets=[
            Target(
                "20,000 items, memory that the run adds",
                found[20_000]["memory"],
                at_most=512,
                unit="MB",
            ),
        ],
    )


def _run(width: int, result: int = 0) -> Costs:
    with TemporaryDirectory(prefix="braid-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.scale", str(width), folder, str(result)]
        made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    costs: Costs = json.loads(made)
    return costs


def _medians(costs: list[Costs]) -> Costs:
    return {name: statistics.median(each[name] for each in costs) for name in costs[0]}


def _cells(costs: Costs, items: int) -> list[str]:
    return [
        f"{costs['seconds']:.2f} s",
        f"{costs['cpu']:.2f} s",
        f"{costs['memory']:,.0f} MB",
        f"{costs['database']:,.1f} MB",
        f"{costs['memory'] / items * 1000:.1f} kB",
        f"{costs['database'] / items * 1000:.2f} kB",
    ]


def _child(width: int, folder: Path, result: int) -> Costs:
    costs = asyncio.run(_grow(width, folder, result))
    return {**costs, "database": sum(file.stat().st_size for file in folder.iterdir()) / 1e6}


async def _grow(width: int, folder: Path, result: int) -> Costs:
    async def heavy(number: int) -> Done:
        return {**await wait(number), "texts": [f"{number:0{result}}"]}

    async with open_checkpointer(folder / "braid.sqlite") as saver:
        graph = mapping(heavy if result else wait).compile(checkpointer=saver)
        await graph.ainvoke({"n": 10}, on("warm"))
        before = _peak()
        begun, used = time.perf_counter(), time.process_time()
        ended = await graph.ainvoke({"n": width}, on("measured"))
        assert ended["total"] == width
        return {
            "seconds": time.perf_counter() - begun,
            "cpu": time.process_time() - used,
            "memory": _peak() - before,
        }


def _peak() -> float:
    """Return the most memory that the process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    print(json.dumps(_child(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
