"""Keep each finished item of a chunk at once, not when its chunk ends.

LangGraph keeps a task's writes when the task ends, so a chunk cut off in the middle would repeat
every item in it. The journal writes finished items through the saver's own `aput_writes`, under
task ids derived from the chunk's, and reads them back when the chunk runs again.
"""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.runtime import Runtime

from graphs.guard import Update
from graphs.superstep import Superstep, address, info, stored
from state import Context, current_checkpointer

CHANNEL = "items"
"""No channel of any graph: LangGraph leaves writes of unknown tasks alone."""


class Journal:
    """The finished items of one chunk. Puts of one turn of the event loop share a write."""

    def __init__(
        self,
        saver: BaseCheckpointSaver[Any],
        where: RunnableConfig,
        task_id: str,
        kept: dict[str, Update],
    ) -> None:
        self.kept = kept
        """By item id, what an earlier process finished."""
        self._saver, self._where, self._task_id = saver, where, task_id
        self._batch: dict[str, Update] = {}
        self._writes = len(kept)
        self._writer: asyncio.Task[None] | None = None

    def keep(self, item: str, update: Update) -> None:
        """Have a finished item written as soon as the event loop turns."""
        self._batch[item] = update
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._batch:
            batch, self._batch = self._batch, {}
            self._writes += 1
            part = f"{self._task_id}#{self._writes}"
            await self._saver.aput_writes(self._where, [(CHANNEL, batch)], part)

    async def close(self) -> None:
        """Drop what is not yet on its way, and wait for what is: the chunk's own write has it."""
        self._batch = {}
        if self._writer is not None:
            await self._writer


async def open_journal(shared: Superstep, runtime: Runtime[Context]) -> Journal | None:
    """Return the running chunk's journal; None in a run that keeps nothing."""
    saver = current_checkpointer()
    if saver is None:
        return None
    task_id = info(runtime).task_id
    kept: dict[str, Update] = {}
    for writer, channel, batch in await stored(shared, saver, runtime):
        if channel == CHANNEL and writer.startswith(f"{task_id}#"):
            kept.update(batch)
    return Journal(saver, address(runtime), task_id, kept)
