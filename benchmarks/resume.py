"""Resuming a wide run whose process was killed."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measuring import Section, Target
from benchmarks.toys import Done, mapping, on
from state import open_checkpointer

WIDTHS, REPEATS = (1_000, 5_000), 5
LEFT = 10
"""Items that had not finished when the process was killed."""


def measure() -> Section:
    """Kill a run when all but some items are kept; time what finishes it, from the first call."""
    seconds: dict[int, list[float]] = {}
    for width, _ in itertools.product(WIDTHS, range(REPEATS)):
        with TemporaryDirectory(prefix="braid-bench-") as folder:
            file = Path(folder) / "braid.sqlite"
            _kill_a_run(width, file)
            seconds.setdefault(width, []).append(asyncio.run(_finish(width, file)))
    found = {width: statistics.median(series) for width, series in seconds.items()}
    return Section(
        name="resume",
        title="Resuming a run that was killed",
        note=(
            f"The process is killed with SIGKILL when all but {LEFT} items are kept; another opens "
            f"the database and finishes the run, the {LEFT} items taking no time. "
            f"Medians of {REPEATS}."
        ),
        columns=["items", "from opening the database to the result"],
        rows=[[f"{width:,}", f"{s:.2f} s"] for width, s in found.items()],
        targets=[
            Target("resuming 5,000 items, SQLite", found[5_000], at_most=0.5, unit="s"),
        ],
    )


def _kill_a_run(width: int, file: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.resume", str(width), str(file)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "kept\n"
    child.kill()
    child.wait()


async def _finish(width: int, file: Path) -> float:
    ran = 0

    async def at_once(number: int) -> Done:
        nonlocal ran
        ran += 1
        return {"done": [number]}

    begun = time.perf_counter()
    async with open_checkpointer(file) as saver:
        result = await mapping(at_once).compile(checkpointer=saver).ainvoke(None, on("killed"))
        took = time.perf_counter() - begun
    assert result["total"] == width
    assert ran == LEFT, f"{ran} items ran again, {LEFT} were left"
    return took


async def _child(width: int, file: str) -> None:
    """Run until all but some items are kept, say so, and wait to be killed."""

    async def all_but_some(number: int) -> Done:
        if number % (width // LEFT) == 0:
            await asyncio.Event().wait()
        return {"done": [number]}

    async with open_checkpointer(file) as saver:
        graph = mapping(all_but_some).compile(checkpointer=saver)
        running = asyncio.create_task(graph.ainvoke({"n": width}, on("killed")))
        while await _kept(saver) < width - LEFT:  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.05)
        print("kept", flush=True)
        await running


async def _kept(saver: Any) -> int:
    found = await saver.aget_tuple(on("killed"))
    writes = found.pending_writes if found else ()
    return sum(len(batch) for _, channel, batch in writes if channel == "items")


if __name__ == "__main__":
    asyncio.run(_child(int(sys.argv[1]), sys.argv[2]))
