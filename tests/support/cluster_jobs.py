"""Functions for a cluster, which write down in a log when they start and when they are done.

They stand in a module of their own because other processes must be able to import them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import NotRequired

from support.toys import ToyState, ToyWrites
from support.work_log import begin, done, read_log
from typing_extensions import TypedDict

from nodes.cluster import on_cluster


class Order(TypedDict):
    """What one call is to do."""

    name: str
    log: str
    gate: NotRequired[str]
    """A file that must be there before the call ends."""
    meet: NotRequired[int]
    """How many calls must have started before this one ends."""


class OutOfRange(Exception):
    """An exception that pickle can write but not read: it wants more than its message."""

    def __init__(self, number: int, limit: int) -> None:
        super().__init__(f"{number} is more than {limit}")
        self.limit = limit
        self.lock = open(os.devnull)  # noqa: SIM115 - stands for all that cannot be pickled


class TooLong(Exception):
    """An exception whose message would grow each time that pickle reads it."""

    def __init__(self, word: str) -> None:
        super().__init__(f"{word} is too long")


def started(log: str | Path) -> list[str]:
    """Return the names of the calls that have begun, in their order."""
    return [event.work for event in read_log(Path(log)) if event.finished_at is None]


def finished(log: str | Path) -> list[str]:
    """Return the names of the calls that have come to their last line, in their order."""
    return [event.work for event in read_log(Path(log)) if event.finished_at is not None]


@on_cluster
def compute(order: Order) -> ToyWrites:
    """Take its time, as ordered, and say which process it was."""
    begin(order["log"], order["name"])
    while "gate" in order and not Path(order["gate"]).exists():
        time.sleep(0.005)
    while "meet" in order and len(started(order["log"])) < order["meet"]:
        time.sleep(0.005)
    done(order["log"], order["name"])
    return {"out": [order["name"]], "top": 0.0, "by_name": {order["name"]: os.getpid()}}


@on_cluster
async def wait(order: Order) -> ToyWrites:
    """Do the same without computing."""
    begin(order["log"], order["name"])
    while "gate" in order and not Path(order["gate"]).exists():
        await asyncio.sleep(0.005)
    done(order["log"], order["name"])
    return {"out": [order["name"]], "top": 0.0, "by_name": {order["name"]: os.getpid()}}


@on_cluster
def loop(order: Order) -> ToyWrites:
    """Compute for ever."""
    begin(order["log"], order["name"])
    number = 0
    while True:
        number += 1


@on_cluster
def die(order: Order) -> ToyWrites:
    """Take its process with it."""
    begin(order["log"], order["name"])
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


@on_cluster
def here(state: ToyState) -> ToyWrites:
    """Say where it ran."""
    return {"by_name": {"here": os.getpid()}}


@on_cluster
def refuse(state: ToyState) -> ToyWrites:
    """Raise an exception of its own."""
    raise OutOfRange(state["x"], 3)


@on_cluster
def leave(state: ToyState) -> ToyWrites:
    """Ask to end the process."""
    raise SystemExit(5)


@on_cluster
def answer_unsendable(state: ToyState) -> ToyWrites:
    """Return what no other process can have."""
    return {"by_name": {"function": lambda: None}}
