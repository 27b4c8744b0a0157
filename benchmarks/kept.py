"""What a run takes in the database."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.databases import fresh_postgres
from benchmarks.measuring import Section
from benchmarks.toys import on
from runner import catalogue
from runner.inputs import read_input
from state import open_checkpointer

WORKFLOWS = ("creative_trio", "document_review", "feedback_analysis")
RUNS = 5


def measure() -> Section:
    """Run some workflows on their own examples, several times on one thread each."""
    os.environ["BRAID_OFFLINE_LATENCY"] = "0"
    with TemporaryDirectory(prefix="braid-bench-") as folder, fresh_postgres() as server:
        places = [str(Path(folder) / "braid.sqlite"), server]
        rows = [
            [f"`{name}`", *(f"{kB} kB" if kB else "-" for kB in _sizes(name, places))]
            for name in WORKFLOWS
        ]
    return Section(
        name="kept",
        title="What a run takes in the database",
        note=f"On the workflow's own example, the mean of {RUNS} runs on one thread.",
        columns=["workflow", "SQLite", "PostgreSQL"],
        rows=rows,
    )


def _sizes(name: str, places: list[str | None]) -> list[int | None]:
    return [asyncio.run(_kilobytes(name, place)) if place else None for place in places]


async def _kilobytes(name: str, place: str) -> int:
    workflow = catalogue.load(name)
    async with open_checkpointer(place) as saver:
        graph = workflow.compile(checkpointer=saver)
        before = await saver.in_use()
        for _ in range(RUNS):
            await graph.ainvoke(read_input(workflow, [], None), on(name))
        return round((await saver.in_use() - before) / RUNS / 1000)
