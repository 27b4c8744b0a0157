"""`braid threads`: which runs are kept, how they ended, and what can be done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from langgraph.graph.state import CompiledStateGraph
from rich.table import Table
from rich.text import Text
from typing_extensions import TypedDict

from runner import catalogue, drive
from runner.errors import DONE, BadInput, Trouble
from runner.report import status_of
from runner.settings import Settings, read_settings
from runner.tell import STYLES, print_json, terminal
from runner.words import count, plain
from state import Context, ThreadInfo, Unreadable, list_threads, open_checkpointer

MOST_SHOWN = 20
ADVICE = {
    "failed": "braid resume THREAD goes on with it.",
    "paused": "braid resume THREAD --retry, --accept or --abort decides; --answer JSON answers.",
    "partial": "braid resume THREAD --retry runs again what failed.",
    "complete": "braid resume THREAD shows it again.",
    "unknown": "its workflow is gone, or its state cannot be read: braid resume THREAD says which.",
}


class Kept(TypedDict):
    """One line of the list."""

    thread_id: str
    workflow: str
    status: str
    """As in a report; `unknown` where its workflow is gone or its state cannot be read."""
    updated: str
    """When it last changed, ISO 8601, UTC."""


def list_kept(older_than: timedelta | None, *, as_json: bool) -> int:
    """Print the threads, or those that old, the newest first; return the exit status."""
    settings = read_settings()
    changed_before = None if older_than is None else datetime.now(UTC) - older_than
    if as_json:
        print_json(asyncio.run(_read(settings, changed_before, None))[0])
        return DONE
    kept, total = asyncio.run(_read(settings, changed_before, MOST_SHOWN))
    console = terminal()
    if not kept:
        where = settings.where
        console.print(
            f"Nothing is kept in {where} yet."
            if older_than is None
            else f"Nothing that old is kept in {where}."
        )
        return DONE
    console.print(_table(kept, console.width))
    if total > len(kept):
        console.print(f"... and {total - len(kept):,} older; --json lists all.", style="dim")
    for status, advice in ADVICE.items():
        if any(thread["status"] == status for thread in kept):
            console.print(f"{status}: {advice}", style="dim")
    return DONE


async def _read(
    settings: Settings, changed_before: datetime | None, limit: int | None
) -> tuple[list[Kept], int]:
    """Return the newest threads and how many there are in all."""
    if settings.nothing_kept:
        return [], 0
    async with open_checkpointer(settings.database) as saver:
        found = await list_threads(saver, changed_before=changed_before)

        @cache
        def graph(name: str) -> CompiledStateGraph[Any, Context, Any, Any]:
            return catalogue.load(name).compile(checkpointer=saver)

        kept = [await _kept(thread, graph) for thread in found[:limit]]
    return kept, len(found)


async def _kept(
    thread: ThreadInfo, graph: Callable[[str], CompiledStateGraph[Any, Context, Any, Any]]
) -> Kept:
    name = drive.owner(thread.metadata)
    try:
        snapshot = await graph(name).aget_state(drive.address(thread.thread_id))
        status: str = status_of(snapshot)
    except (BadInput, Trouble, Unreadable):
        status = "unknown"
    return {
        "thread_id": thread.thread_id,
        "workflow": name,
        "status": status,
        "updated": thread.updated.isoformat(timespec="seconds"),
    }


def _table(kept: list[Kept], width: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("thread", overflow="fold", min_width=min(36, width))
    table.add_column("workflow", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("changed", no_wrap=True)
    for thread in kept:
        table.add_row(
            plain(thread["thread_id"]),
            plain(thread["workflow"], 24),
            Text(thread["status"], STYLES.get(thread["status"], "red")),
            Text(_ago(datetime.fromisoformat(thread["updated"])), "dim"),
        )
    return table


def _ago(moment: datetime) -> str:
    """Return how long ago something was, in its largest unit."""
    passed = (datetime.now(UTC) - moment).total_seconds()
    for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if passed >= length:
            return f"{count(int(passed // length), unit)} ago"
    return "just now"
