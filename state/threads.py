"""The threads that are kept: which there are, and forgetting them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

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


async def list_threads(saver: Saver, limit: int | None = None) -> list[ThreadInfo]:
    """Return the threads that are kept, the newest first, at most `limit` of them."""
    return [
        ThreadInfo(thread_id, metadata, _moment(checkpoint_id))
        for thread_id, checkpoint_id, metadata in await saver.newest_checkpoints(limit)
    ]


async def forget(saver: Saver, thread_ids: Iterable[str]) -> None:
    """Delete all that is kept of the threads, in one transaction; unknown ones are ignored."""
    await saver.aprune([*thread_ids], strategy="delete")


def _moment(checkpoint_id: str) -> datetime:
    """Read the time out of a checkpoint's id, a version 6 UUID, so that no state is decoded."""
    number = UUID(checkpoint_id).int
    ticks = (number >> 80) << 12 | (number >> 64) & 0xFFF  # of 100 ns, around the version digit
    return _GREGORIAN + timedelta(microseconds=ticks // 10)
