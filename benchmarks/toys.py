"""The workflows that are measured: branches that wait as a model's answer would make them wait."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from graphs.builders import FanOut, MapReduce
from reducers import add
from state import ParallelOutput, ParallelState

WAIT = 0.05
"""Seconds that a branch or an item takes."""


class Input(TypedDict):
    """How many branches there are."""

    n: int


class State(ParallelState, total=False):
    """The numbers of the branches that ended."""

    n: int
    done: Annotated[list[int], add]
    texts: Annotated[list[str], add]
    total: int


class Done(TypedDict):
    """What a branch gives."""

    done: list[int]
    texts: NotRequired[list[str]]


class Output(ParallelOutput, total=False):
    """How many ended."""

    total: int


async def wait(number: int) -> Done:
    """Wait for as long as a branch takes."""
    await asyncio.sleep(WAIT)
    return {"done": [number]}


async def count(state: State) -> dict[str, int]:
    """Count what came back."""
    return {"total": len(state["done"])}


def numbers(state: State) -> dict[str, int]:
    """Name the items."""
    return {str(number): number for number in range(state["n"])}


def mapping(worker: Any = wait, **options: Any) -> MapReduce:
    """Declare a map over n numbers."""
    return MapReduce(
        name="measured_map",
        input=Input,
        state=State,
        output=Output,
        split=numbers,
        worker=worker,
        aggregator=count,
        **options,
    )


def fan(steps: dict[str, list[float]], **options: Any) -> FanOut:
    """Declare branches, each of steps that take so many seconds."""

    def step(seconds: float, name: str) -> Any:
        async def work(state: State) -> Done:
            await asyncio.sleep(seconds)
            return {"done": [1]}

        work.__name__ = name
        return work

    return FanOut(
        name="measured_fan",
        input=Input,
        state=State,
        output=Output,
        branches={
            name: [step(seconds, f"{name}_{at}") for at, seconds in enumerate(times)]
            for name, times in steps.items()
        },
        aggregator=count,
        **options,
    )


def three(**options: Any) -> FanOut:
    """Declare three branches of one step."""
    return fan({name: [WAIT] for name in "abc"}, **options)


def on(thread: object) -> Any:
    """Return the config that addresses a thread."""
    return {"configurable": {"thread_id": str(thread)}}
