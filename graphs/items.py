"""The items of a MapReduce: what split gives, how they are chunked, how a chunk runs."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.errors import GraphDrained, GraphInterrupt
from langgraph.runtime import Runtime
from langgraph.types import Send
from typing_extensions import TypedDict

from graphs.checks import Keys
from graphs.failures import recorded, taken_back
from graphs.guard import BadUpdate, Job, Outcome, Update, Who, attempt, storable
from graphs.inputs import InputError
from graphs.journal import open_journal
from graphs.superstep import superstep
from state import Context

LARGEST_CHUNK = 256


class Chunk(TypedDict):
    """The payload of one Send: some items, by id."""

    items: dict[str, Any]
    again: bool
    """Whether this is a later round, in which a success takes back a failure."""
    last: bool
    """Whether this is the chunk of its round that calls join."""


def accept_items(workflow: str, made: Any, who: str) -> dict[str, Any]:
    """Return what split made as {item id: payload}; refuse ids that do not tell items apart."""
    if isinstance(made, Mapping):
        pairs: list[tuple[Any, Any]] = list(made.items())
    elif isinstance(made, Iterable) and not isinstance(made, str | bytes):
        pairs = list(made)
    else:
        raise BadUpdate(
            f"{workflow}: split returned {type(made).__name__}; return a mapping of item id to "
            f"payload"
        )
    items: dict[str, Any] = {}
    for item, payload in pairs:
        if str(item) in items:
            raise InputError(f"{workflow}: split made two items with the id {str(item)!r}")
        items[str(item)] = payload
    return storable(items, who)


def chunks(items: Mapping[str, Any], size: int | None, *, again: bool = False) -> list[Send]:
    """Pack items, in their order, into Sends of `size`; by default min(256, ceil(n / 16))."""
    pairs = list(items.items())
    size = size or min(LARGEST_CHUNK, math.ceil(len(pairs) / 16))
    return [
        Send(
            "worker",
            Chunk(items=dict(pairs[at : at + size]), again=again, last=at + size >= len(pairs)),
        )
        for at in range(0, len(pairs), size or 1)
    ]


async def run_chunk(
    job: Job, chunk: Chunk, keys: Keys, runtime: Runtime[Context], limit: int | None
) -> Update:
    """Run a chunk's items side by side; fold their updates in the items' order."""
    shared, items = superstep(runtime, limit), chunk["items"]
    emit, slots, again = runtime.stream_writer, shared.slots, chunk["again"]
    if len(items) == 1:
        [(item, payload)] = items.items()
        outcome = await attempt(job, payload, runtime, Who(item, "worker"), slots, emit)
        return _update_of(item, payload, outcome, again)
    journal = await open_journal(shared, runtime)
    kept = journal.kept if journal else {}

    async def one(item: str, payload: Any) -> Update:
        var_child_runnable_config.set(_labelled(item))
        try:
            outcome = await attempt(job, payload, runtime, Who(item, "worker"), slots, emit)
        except GraphInterrupt:
            raise BadUpdate(
                f"item {item!r} asks a question, which only works with chunk_size=1: LangGraph "
                f"hands every item of a chunk the first answer"
            ) from None
        update = _update_of(item, payload, outcome, again)
        if journal:
            journal.keep(item, update)
        return update

    running = {
        item: asyncio.create_task(one(item, payload))
        for item, payload in items.items()
        if item not in kept
    }
    try:
        await asyncio.gather(*running.values())
    except GraphDrained:
        await asyncio.wait(running.values())  # those that have a slot finish, and are kept
        raise
    finally:
        for task in running.values():
            task.cancel()
    if journal:
        await journal.close()
    updates = [kept[item] if item in kept else running[item].result() for item in items]
    return functools.reduce(keys.fold, updates, {})


def _update_of(item: str, payload: Any, outcome: Outcome, again: bool) -> Update:
    spans = {"spans": [outcome.span]}
    if outcome.error is not None:
        # The payload is kept, so that a retry does not plan again.
        return {**recorded(item, outcome, restart={"payload": payload}), **spans}
    return {**outcome.update, **spans, **(taken_back(item) if again else {})}


def _labelled(item: str) -> Any:
    """Return the run's config with the item's name in its metadata, which streamed tokens carry."""
    config = var_child_runnable_config.get() or {}
    return {**config, "metadata": {**config.get("metadata", {}), "item": item}}
