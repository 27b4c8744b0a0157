"""Many runs at once: runs per second, and how long the slowest wait."""

from __future__ import annotations

import asyncio
import gc
import json
import operator
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from benchmarks.databases import fresh_postgres
from benchmarks.measuring import Section, Target, percentile, ratio
from benchmarks.toys import on, three, wait
from state import open_checkpointer

RUNS, REPEATS = 200, 9


@dataclass(frozen=True)
class Way:
    """One way to serve the runs."""

    name: str
    graph: str
    database: str
    processes: int = 1


WAYS = (
    Way("Braid, SQLite", "braid", "sqlite"),
    Way("LangGraph by hand, AsyncSqliteSaver", "langgraph", "sqlite"),
    Way("Braid, SQLite, two processes", "braid", "sqlite", 2),
    Way("Braid, PostgreSQL", "braid", "postgresql"),
    Way("LangGraph by hand, AsyncPostgresSaver", "langgraph", "postgresql"),
    Way("Braid, PostgreSQL, two processes", "braid", "postgresql", 2),
)


def measure() -> Section:
    """Run every way in turns, each in processes of its own."""
    rates: dict[str, list[float]] = {}
    slowest: dict[str, list[float]] = {}
    with TemporaryDirectory(prefix="braid-bench-") as folder, fresh_postgres() as server:
        ways = [way for way in WAYS if server or way.database == "sqlite"]
        for turn in range(REPEATS + 1):  # the first is not counted
            for way in ways:
                place = Path(folder) / f"{way.graph}-{way.processes}.sqlite"
                url = server if way.database == "postgresql" else str(place)
                took, waits = _serve(way, str(url), turn)
                if turn:
                    rates.setdefault(way.name, []).append(RUNS / took)
                    slowest.setdefault(way.name, []).append(percentile(waits, 0.99))
    return Section(
        name="runs",
        title="Many runs at once",
        note=(
            f"{RUNS} runs of three branches of 50 ms, started together; all keep finished "
            f"branches. Medians of {REPEATS} rounds in turns."
            + ("" if server else " There was no PostgreSQL server to measure on.")
        ),
        columns=["", "runs per second", "p99 of a run"],
        rows=[
            [
                name,
                f"{statistics.median(rates[name]):.0f}",
                f"{statistics.median(slowest[name]):.2f} s",
            ]
            for name in rates
        ],
        targets=[
            Target(
                f"{RUNS} runs on SQLite, runs per second over LangGraph's by hand",
                ratio(rates[WAYS[0].name], rates[WAYS[1].name]),
                at_least=1.5,
            )
        ],
    )


def _serve(way: Way, url: str, turn: int) -> tuple[float, list[float]]:
    """Return the seconds for all runs and those of each; processes start at one signal."""
    command = [sys.executable, "-m", "benchmarks.runs", way.graph, url, str(RUNS // way.processes)]
    children = [
        subprocess.Popen(
            [*command, f"{way.graph}-{turn}-{at}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for at in range(way.processes)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    begun = time.time()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    outputs = [child.communicate()[0] for child in children]
    ended = [json.loads(output) for output in outputs]
    return max(end["ended"] for end in ended) - begun, [s for end in ended for s in end["waits"]]


class _Sum(TypedDict, total=False):
    n: int
    done: Annotated[list[int], operator.add]


def _by_hand() -> StateGraph[_Sum]:
    async def branch(state: _Sum) -> Any:
        return await wait(1)

    graph = StateGraph(_Sum)
    graph.add_node("join", lambda state: {})
    for name in "abc":
        graph.add_node(name, branch)
        graph.add_edge(START, name)
    graph.add_edge(list("abc"), "join")
    graph.add_edge("join", END)
    return graph


@asynccontextmanager
async def _stock_saver(url: str) -> AsyncIterator[Any]:
    """Open LangGraph's own saver, as its documentation has it."""
    if url.startswith("postgresql"):
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
        from psycopg.rows import dict_row
        from psycopg_pool import AsyncConnectionPool

        options: dict[str, Any] = {
            "autocommit": True,
            "prepare_threshold": 0,
            "row_factory": dict_row,
        }
        async with AsyncConnectionPool(url, min_size=1, max_size=8, kwargs=options) as pool:
            postgres: Any = AsyncPostgresSaver(pool)  # type: ignore[arg-type]
            await postgres.setup()
            yield postgres
    else:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        async with AsyncSqliteSaver.from_conn_string(url) as sqlite:
            await sqlite.setup()
            yield sqlite


async def _child(graph: str, url: str, runs: int, name: str) -> None:
    """Set up, warm up, say so, wait for the signal, run."""
    opened = open_checkpointer(url) if graph == "braid" else _stock_saver(url)
    async with opened as saver:
        compiled: Any = (
            three().compile(checkpointer=saver)
            if graph == "braid"
            else _by_hand().compile(checkpointer=saver)
        )

        async def one(thread: str) -> float:
            begun = time.perf_counter()
            await compiled.ainvoke({"n": 3}, on(thread))
            return time.perf_counter() - begun

        await one(f"{name}-warm")
        gc.collect()
        gc.freeze()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        waits = await asyncio.gather(*(one(f"{name}-{at}") for at in range(runs)))
        print(json.dumps({"ended": time.time(), "waits": waits}))


if __name__ == "__main__":
    asyncio.run(_child(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
