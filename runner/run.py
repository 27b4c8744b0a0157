"""`braid run` and `braid resume`: work on one thread, shown while it goes on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from graphs.builders import Workflow
from runner import catalogue, drive, timeline
from runner.brake import Brake
from runner.decide import Decision, Kind
from runner.drive import Watch
from runner.errors import BadInput
from runner.inputs import parse_json, read_input
from runner.lanes import Lanes
from runner.report import Ended
from runner.settings import read_settings
from runner.tell import tell, terminal
from state import Span

LONGEST_ID = 200


def start(
    name: str,
    pairs: Sequence[str],
    document: str | None,
    *,
    thread_id: str | None,
    max_parallel: int | None,
    as_json: bool,
    picture: Path | None,
) -> int:
    """Run a workflow on a new input and return the exit status."""
    workflow = catalogue.load(name)
    values = read_input(workflow, pairs, document)
    thread_id = str(uuid4()) if thread_id is None else _checked_id(thread_id)
    _check_picture(picture)
    settings = read_settings()

    async def work() -> Ended:
        with Brake() as brake:
            return await drive.run(
                workflow, values, thread_id, settings, brake, watched(as_json), max_parallel
            )

    return tell(asyncio.run(work()), as_json, picture)


def go_on(thread_id: str, kind: Kind, answer: str | None, *, as_json: bool) -> int:
    """Resume a thread, or tell how it ended, and return the exit status."""
    decision = Decision(kind, None if answer is None else parse_json(answer, "--answer"))
    settings = read_settings()
    if settings.nothing_kept:
        raise drive.no_thread(thread_id)

    async def work() -> Ended:
        with Brake() as brake:
            return await drive.resume(thread_id, decision, settings, brake, watched(as_json))

    return tell(asyncio.run(work()), as_json)


def watched(as_json: bool) -> drive.Show:
    """Return how a run is shown while it goes on: on stderr, so that stdout has the result."""

    @contextmanager
    def show(workflow: Workflow, done: Sequence[Span]) -> Iterator[Watch]:
        console = terminal(stderr=True)
        if as_json and not console.is_terminal:
            yield drive.NOBODY
            return
        leave = as_json or not sys.stdout.isatty()  # else the timeline takes their place
        names = workflow.branch_names()
        with Lanes(workflow.name, names, console, leave=leave) as lanes:
            if console.is_terminal:
                _replay(done, lanes)
            yield Watch(lanes.event, lanes.tokens if console.is_terminal else None)

    return show


def _replay(done: Sequence[Span], lanes: Lanes) -> None:
    """Have the lanes show what an earlier process has done."""
    for span in done:
        told = {"braid": span["name"], "node": span["node"], "attempt": span["attempts"]}
        lanes.event({**told, "ev": "start", "t": span["start"]})
        lanes.event({**told, "ev": "end", "t": span["end"], "status": span["status"]})


def _checked_id(thread_id: str) -> str:
    if not (0 < len(thread_id) <= LONGEST_ID and thread_id.isprintable()):
        raise BadInput(f"A thread's id is 1 to {LONGEST_ID} printable characters.")
    return thread_id


def _check_picture(picture: Path | None) -> None:
    if picture is not None:
        try:
            timeline.check(picture)
        except ValueError as error:
            raise BadInput(str(error)) from None
