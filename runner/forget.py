"""`braid forget`: delete what is kept of threads that nobody needs any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rich.filesize import decimal
from typing_extensions import TypedDict

from runner import drive
from runner.errors import DONE
from runner.settings import Settings, read_settings
from runner.tell import print_json, terminal
from runner.words import count
from state import (
    ThreadBusy,
    database_size,
    forget,
    hold_thread,
    last_change,
    list_threads,
    open_checkpointer,
)

if TYPE_CHECKING:
    from state.threads import Saver

AT_ONCE = 8
"""Threads that are deleted side by side: they share the waits for the disk."""


class Outcome(TypedDict):
    """What became of the threads."""

    forgotten: list[str]
    busy: list[str]
    """Left alone, because another process works on them."""
    freed_bytes: int
    database_bytes: int
    """What the database takes on disk now."""


def forget_thread(thread_id: str, *, as_json: bool) -> int:
    """Delete one thread and return the exit status; raise BadInput where there is none."""
    settings = read_settings()
    if settings.nothing_kept:
        raise drive.no_thread(thread_id)
    outcome = asyncio.run(_forget(settings, thread_id))
    return _tell(outcome, settings, as_json)


def forget_old(age: timedelta, *, as_json: bool) -> int:
    """Delete the threads that have not changed for so long, and return the exit status."""
    settings = read_settings()
    return _tell(asyncio.run(_forget_old(settings, datetime.now(UTC) - age)), settings, as_json)


async def _forget(settings: Settings, thread_id: str) -> Outcome:
    async with _measured(settings) as (saver, outcome):
        async with hold_thread(settings.database, thread_id):
            # Nothing more is asked of it: also a damaged thread can be forgotten.
            if await saver.latest_checkpoint_id(thread_id) is None:
                raise drive.no_thread(thread_id)
            await forget(saver, [thread_id])
        outcome["forgotten"].append(thread_id)
    return outcome


async def _forget_old(settings: Settings, limit: datetime) -> Outcome:
    if settings.nothing_kept:
        return _nothing()
    async with _measured(settings) as (saver, outcome):
        waiting = iter(await list_threads(saver, changed_before=limit))

        async def take() -> None:
            for thread in waiting:
                try:
                    if await _forget_unless_changed(saver, settings, thread.thread_id, limit):
                        outcome["forgotten"].append(thread.thread_id)
                except ThreadBusy:
                    outcome["busy"].append(thread.thread_id)

        await asyncio.gather(*(take() for _ in range(AT_ONCE)))
    return outcome


async def _forget_unless_changed(
    saver: Saver, settings: Settings, thread_id: str, limit: datetime
) -> bool:
    """Delete a thread; leave it and return False if somebody has gone on with it since."""
    async with hold_thread(settings.database, thread_id):
        changed = await last_change(saver, thread_id)
        if changed is None or changed >= limit:
            return False
        await forget(saver, [thread_id])
        return True


@asynccontextmanager
async def _measured(settings: Settings) -> AsyncIterator[tuple[Saver, Outcome]]:
    """Open the database; when it is closed the outcome says what came free."""
    outcome = _nothing()
    async with open_checkpointer(settings.database) as saver:
        before = await saver.in_use()
        yield saver, outcome
        # Another process may have written more than was deleted.
        outcome["freed_bytes"] = max(0, before - await saver.in_use())
    outcome["database_bytes"] = await database_size(settings.database)


def _nothing() -> Outcome:
    return {"forgotten": [], "busy": [], "freed_bytes": 0, "database_bytes": 0}


def _tell(outcome: Outcome, settings: Settings, as_json: bool) -> int:
    if as_json:
        print_json(outcome)
        return DONE
    console, busy = terminal(), len(outcome["busy"])
    if outcome["forgotten"]:
        console.print(
            f"Forgot {count(len(outcome['forgotten']), 'thread')}: "
            f"{decimal(outcome['freed_bytes'])} came free. "
            f"{settings.where} takes {decimal(outcome['database_bytes'])} now.",
            soft_wrap=True,
        )
    elif not busy:
        console.print(f"Nothing that old is kept in {settings.where}.", soft_wrap=True)
    if busy:
        console.print(f"{count(busy, 'thread')} stayed: another process works there.")
    return DONE
