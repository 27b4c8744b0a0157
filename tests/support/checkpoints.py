"""Checkpoints as LangGraph makes them, put one by one."""

from __future__ import annotations

from itertools import count
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, empty_checkpoint


def at(thread_id: str, namespace: str = "", **more: Any) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace, **more}}


_versions = count(1)


def checkpoint_of(values: dict[str, Any]) -> Checkpoint:
    versions: dict[str, str | int | float] = {
        channel: f"{next(_versions):032}.5" for channel in values
    }
    return {**empty_checkpoint(), "channel_values": values, "channel_versions": versions}


async def put(
    saver: BaseCheckpointSaver[Any],
    thread_id: str,
    values: dict[str, Any] | None = None,
    namespace: str = "",
    **metadata: Any,
) -> RunnableConfig:
    """Put a checkpoint; return its config."""
    checkpoint = checkpoint_of(values or {})
    where, versions = at(thread_id, namespace), checkpoint["channel_versions"]
    return await saver.aput(where, checkpoint, metadata, versions)  # type: ignore[arg-type]


async def written(saver: BaseCheckpointSaver[Any], config: RunnableConfig) -> dict[str, Any]:
    """Return the pending writes of a checkpoint: by task what it wrote."""
    found = await saver.aget_tuple(config)
    return {task: value for task, _, value in (found.pending_writes if found else None) or ()}
