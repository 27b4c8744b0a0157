"""What the branches of one superstep share: the slots, and the items that are already kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.config import get_config
from langgraph.runtime import ExecutionInfo, RunControl, Runtime

from graphs.guard import NO_LIMIT, Slots
from state import Context, current_checkpointer

_ERROR = "__error__"
"""LangGraph keeps this name to itself; tests/graphs/test_langgraph.py holds that it is right."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class Superstep:
    """One for all the tasks that run side by side; gone when the last of them ends."""

    slots: Slots
    control: RunControl | None
    """Held so that its identity, which tells this run from the next, is not used again."""
    stored: asyncio.Task[CheckpointTuple | None] | None = None


_running: WeakValueDictionary[tuple[str, int], Superstep] = WeakValueDictionary()


def superstep(runtime: Runtime[Context], limit: int | None) -> Superstep:
    """Return what the calling task shares with its siblings; hold on to it while it is used.

    LangGraph gives all tasks of a superstep one checkpoint id, with and without a checkpointer.
    No two threads share it, but a run and its resumption do: they differ in their RunControl.
    """
    key = info(runtime).checkpoint_id, id(runtime.control)
    shared = _running.get(key)
    if shared is None:
        asked = runtime.context.max_parallel if runtime.context else None
        limit = asked or limit
        slots = asyncio.Semaphore(limit) if limit else NO_LIMIT
        shared = Superstep(slots, runtime.control)
        _running[key] = shared
    return shared


def info(runtime: Runtime[Context]) -> ExecutionInfo:
    """Return the execution info that LangGraph gives every task."""
    assert runtime.execution_info is not None
    return runtime.execution_info


def address(runtime: Runtime[Context]) -> RunnableConfig:
    """Return the config under which the checkpoint of the present superstep is kept."""
    here = info(runtime)
    return {
        "configurable": {
            "thread_id": _configurable()["thread_id"],
            "checkpoint_ns": "|".join(here.checkpoint_ns.split("|")[:-1]),
            "checkpoint_id": here.checkpoint_id,
        }
    }


async def stored(
    shared: Superstep, saver: BaseCheckpointSaver[Any], runtime: Runtime[Context]
) -> list[tuple[str, str, Any]]:
    """Return the pending writes (task id, channel, value) that an earlier process left.

    Read once per superstep, whichever task asks first: LangGraph's `aget_tuple` returns all of
    them at once, so a read by each chunk would be quadratic.
    """
    if shared.stored is None:
        shared.stored = asyncio.ensure_future(saver.aget_tuple(address(runtime)))
    found = await asyncio.shield(shared.stored)
    return list((found.pending_writes if found else None) or ())


def _configurable() -> Mapping[str, Any]:
    return get_config().get("configurable", {})


async def asked_before(runtime: Runtime[Context]) -> bool:
    """Tell whether the running task has raised before, that is, whether this is a resume."""
    saver = current_checkpointer()
    found = await saver.aget_tuple(address(runtime)) if saver else None
    writes = (found.pending_writes if found else None) or ()
    return any(task == info(runtime).task_id and channel == _ERROR for task, channel, _ in writes)
