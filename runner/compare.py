"""`braid compare`: the same graph one branch at a time and all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.text import Text
from typing_extensions import TypedDict

from graphs.builders import Workflow
from runner import catalogue, timeline
from runner.brake import Brake
from runner.drive import Show, Thread, build_model
from runner.errors import DONE, Trouble, explain
from runner.inputs import Values, read_input
from runner.report import Ended
from runner.run import watched
from runner.settings import read_settings
from runner.tell import print_json, terminal
from runner.timing import Prices, Timing
from runner.words import plain, seconds
from state import open_checkpointer


class Comparison(TypedDict):
    """The object that `braid compare --json` prints."""

    sequential: Timing
    parallel: Timing
    speedup: float
    """sequential.wall_s / parallel.wall_s."""
    limit: float
    """What the longest branch allows: sum_s / critical_s of the parallel run."""


def measure_both(name: str, pairs: Sequence[str], document: str | None, *, as_json: bool) -> int:
    """Print the comparison and return the exit status."""
    # A run that asks a person cannot be measured.
    workflow = replace(catalogue.load(name), on_shortfall="raise")
    values = read_input(workflow, pairs, document)
    prices = read_settings().prices
    sequential, parallel = asyncio.run(_measure(workflow, values, prices, watched(as_json)))
    found = _compared(sequential.report["timing"], parallel.report["timing"])
    if as_json:
        print_json(found)
    else:
        _show(found, sequential, parallel)
    return DONE


async def _measure(
    workflow: Workflow, values: Values, prices: Prices, show: Show
) -> tuple[Ended, Ended]:
    """Run three times, each on a thread of its own, in a database that is thrown away.

    The first run is not measured: it builds the model clients and opens their connections.
    """
    build_model()
    with TemporaryDirectory(prefix="braid-") as folder, Brake() as brake:
        async with open_checkpointer(Path(folder) / "compare.sqlite") as saver:
            graph = workflow.compile(checkpointer=saver)

            async def once(title: str, limit: int | None = None) -> Ended:
                thread = Thread(workflow, title, graph, limit, prices)
                with show(replace(workflow, name=f"{workflow.name}, {title}"), ()) as watch:
                    ended = await thread.advance(values, brake, watch)
                return _finished(ended, title)

            await once("warming up")
            return await once("one at a time", 1), await once("all at once")


def _finished(ended: Ended, title: str) -> Ended:
    status = ended.report["status"]
    if status in ("complete", "partial"):
        return ended
    why = explain(ended.error)[0] if ended.error else "it asks a question"
    raise Trouble(f"The run {title!r} ended {status}, so there is nothing to compare: {why}")


def _compared(sequential: Timing, parallel: Timing) -> Comparison:
    return {
        "sequential": sequential,
        "parallel": parallel,
        "speedup": _ratio(sequential["wall_s"], parallel["wall_s"]),
        "limit": _ratio(parallel["sum_s"], parallel["critical_s"]),
    }


def _ratio(over: float, under: float) -> float:
    return over / under if under else 0.0


def _show(found: Comparison, sequential: Ended, parallel: Ended) -> None:
    console = terminal()
    console.print(Text(f"model: {plain(parallel.report['model'])}", "dim"))
    for title, ended in (("One at a time", sequential), ("All at once", parallel)):
        console.print(f"\n{title}", style="bold")
        console.print(timeline.as_text(ended.report, console.width, ended.detail))
    console.print()
    console.print(
        Text(
            f"{seconds(found['sequential']['wall_s'])} became "
            f"{seconds(found['parallel']['wall_s'])}: {found['speedup']:.2f} x faster, "
            f"of at most {found['limit']:.2f} x",
            "bold green",
        )
    )
