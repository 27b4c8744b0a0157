"""A small workflow to test the builders with: branches that can be told to fail, wait or meet."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Any, NotRequired

from langgraph.types import RetryPolicy
from pydantic import Field
from typing_extensions import TypedDict

from graphs.builders import FanOut, MapReduce
from reducers import add, keep_max, merge
from state import Context, ParallelOutput, ParallelState

QUICK = RetryPolicy(
    max_attempts=2, initial_interval=0.001, jitter=False, retry_on=(ConnectionError, TimeoutError)
)


class ToyInput(TypedDict):
    x: Annotated[int, Field(ge=0, description="A number.")]
    note: NotRequired[Annotated[str, Field(description="Optional.")]]


class ToyState(ParallelState, total=False):
    x: int
    note: str
    out: Annotated[list[str], add]
    top: Annotated[float | None, keep_max]
    by_name: Annotated[dict[str, Any], merge]
    total: int | None


class ToyWrites(TypedDict, total=False):
    out: list[str]
    top: float
    by_name: dict[str, Any]


class ToyOutput(ParallelOutput, total=False):
    out: list[str]
    top: float
    by_name: dict[str, Any]
    total: int


async def count_out(state: ToyState) -> dict[str, Any]:
    return {"total": len(state.get("out", []))}


class Bench:
    """Makes branch functions and remembers what they did."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.broken: set[str] = set()
        self.seen: dict[str, Any] = {}
        self.running = 0
        self.peak = 0

    def branch(self, name: str, *, turns: int = 1) -> Any:
        """Return a branch function that takes `turns` turns of the event loop."""

        async def function(state: ToyState) -> ToyWrites:
            self.calls[name] += 1
            self.seen[name] = state
            self.running += 1
            self.peak = max(self.peak, self.running)
            try:
                for _ in range(turns):
                    await asyncio.sleep(0)
                if name in self.broken:
                    raise ConnectionError(f"{name} is down")
                return {"out": [name], "top": -float(len(name)), "by_name": {name: state["x"]}}
            finally:
                self.running -= 1

        function.__name__ = name
        return function

    def worker(self, *, turns: int = 1) -> Any:
        """Return a worker for items that are numbers."""

        async def work(number: int) -> ToyWrites:
            name = str(number)
            self.calls[name] += 1
            self.running += 1
            self.peak = max(self.peak, self.running)
            try:
                for _ in range(turns):
                    await asyncio.sleep(0)
                if name in self.broken:
                    raise ConnectionError(f"{name} is down")
                return {"out": [name], "by_name": {name: number}}
            finally:
                self.running -= 1

        return work


def fan(branches: dict[str, Any], **changes: Any) -> FanOut:
    """Declare a toy FanOut."""
    return FanOut(
        **{
            "name": "toy",
            "input": ToyInput,
            "state": ToyState,
            "output": ToyOutput,
            "branches": branches,
            "aggregator": count_out,
            "retry": QUICK,
            **changes,
        }
    )


def numbers(state: ToyState) -> dict[str, int]:
    return {str(number): number for number in range(state["x"])}


def mapping(worker: Any, **changes: Any) -> MapReduce:
    """Declare a toy MapReduce over the numbers below x."""
    return MapReduce(
        **{
            "name": "toy_map",
            "input": ToyInput,
            "state": ToyState,
            "output": ToyOutput,
            "split": numbers,
            "worker": worker,
            "aggregator": count_out,
            "retry": QUICK,
            **changes,
        }
    )


def on(thread: str) -> dict[str, Any]:
    """Return the config that addresses a thread."""
    return {"configurable": {"thread_id": thread}}


def context(max_parallel: int) -> Context:
    """Return run options with a concurrency limit."""
    return Context(max_parallel=max_parallel)
