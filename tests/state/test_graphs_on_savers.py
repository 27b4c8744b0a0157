"""Graphs run on these checkpointers as on LangGraph's own, and move between them."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from state import open_checkpointer

THREAD: RunnableConfig = {"configurable": {"thread_id": "thread"}}

Saver = BaseCheckpointSaver[Any]


@asynccontextmanager
async def open_plain(database: str) -> AsyncIterator[Saver]:
    if database.startswith("postgresql"):
        async with AsyncPostgresSaver.from_conn_string(database) as server:
            await server.setup()
            yield server
    else:
        async with AsyncSqliteSaver.from_conn_string(database) as file:
            yield file


class Asked(TypedDict, total=False):
    name: str
    answers: Annotated[list[str], operator.add]


def asking() -> StateGraph[Asked]:
    """Two branches: one asks twice, the other does not."""

    async def ask(state: Asked) -> Asked:
        return {"answers": [interrupt("first?"), interrupt("second?")]}

    async def work(state: Asked) -> Asked:
        return {"answers": ["work"]}

    builder = StateGraph(Asked)
    for node in (ask, work):
        builder.add_node(node)
        builder.add_edge(START, node.__name__)
        builder.add_edge(node.__name__, END)
    return builder


@pytest.mark.parametrize("ours", [(True, True, True), (True, False, True), (False, True, False)])
async def test_a_run_may_be_continued_with_the_other_saver(
    database: str, ours: Sequence[bool]
) -> None:
    steps: list[Any] = [{"name": "x"}, Command(resume="one"), Command(resume="two")]
    for is_ours, step in zip(ours, steps, strict=True):
        async with open_checkpointer(database) if is_ours else open_plain(database) as saver:
            result = await asking().compile(checkpointer=saver).ainvoke(step, THREAD)
    assert result == {"name": "x", "answers": ["one", "two", "work"]}


class Grown(TypedDict, total=False):
    turn: int
    log: Annotated[list[str], DeltaChannel(lambda log, writes: [*log, *chain(*writes)])]


async def test_a_channel_that_is_spread_over_checkpoints_is_put_together_again(
    database: str,
) -> None:
    async def note(state: Grown) -> Grown:
        return {"log": [f"turn {state['turn']}"]}

    builder = StateGraph(Grown)
    builder.add_node(note)
    builder.add_edge(START, "note")
    for turn in range(3):
        async with open_checkpointer(database) as saver:
            result = await builder.compile(checkpointer=saver).ainvoke({"turn": turn}, THREAD)
    assert result["log"] == ["turn 0", "turn 1", "turn 2"]
    async with open_checkpointer(database) as saver:
        with pytest.raises(NotImplementedError, match="DeltaChannel"):
            await saver.aprune(["thread"])
