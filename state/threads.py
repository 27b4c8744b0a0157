"""The threads that are kept: which there are, and forgetting them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from state.database import UnusableDatabase

if TYPE_CHECKING:
    from state.postgres import PostgresSaver
    from state.sqlite import GroupCommitSaver

    Saver: TypeAlias = GroupCommitSaver | PostgresSaver

_GREGORIAN = datetime(1582, 10, 15, tzinfo=UTC)
"""Where the clock in a UUID starts."""


@dataclass(frozen=True)
class ThreadInfo:
    """What is known of a thread without reading its state."""

    thread_id: str
    metadata: Mapping[str, Any]
    """Of the newest checkpoint of its workflow, subgraphs aside: `workflow`, the run's options."""
    updated: datetime
    """When that checkpoint was made."""


async def list_threads(
    saver: Saver, limit: int | None = None, *, changed_before: datetime | None = None
) -> list[ThreadInfo]:
    """Return the threads that are kept, the newest first, at most `limit` of them.

    With `changed_before` those of them whose last checkpoint is older.
    """
    found = await saver.newest_checkpoints(limit if changed_before is None else None)
    threads = (ThreadInfo(name, metadata, _moment(latest)) for name, latest, metadata in found)
    return [
        thread for thread in threads if changed_before is None or thread.updated < changed_before
    ][:limit]


async def last_change(saver: Saver, thread_id: str) -> datetime | None:
    """Return when the thread's latest checkpoint was made; None where there is no such thread."""
    latest = await saver.latest_checkpoint_id(thread_id)
    return None if latest is None else _moment(latest)


async def forget(saver: Saver, thread_ids: Iterable[str]) -> None:
    """Delete all that is kept of the threads, in one transaction; unknown ones are ignored.

    Whoever calls holds the threads (`hold_thread`): a run that goes on would be cut in half.
    """
    await saver.aprune([*thread_ids], strategy="delete")


def _moment(checkpoint_id: str) -> datetime:
    """Read the time out of a checkpoint's id, a version 6 UUID, so that no state is decoded."""
    try:
        number = UUID(checkpoint_id).int
    except ValueError:
        raise UnusableDatabase(
            f"The checkpoint {checkpoint_id!r} has no time in its name: LangGraph did not make it."
        ) from None
    ticks = (number >> 80) << 12 | (number >> 64) & 0xFFF  # of 100 ns, around the version digit
    return _GREGORIAN + timedelta(microseconds=ticks // 10)
