"""`braid batch`: a workflow over many inputs, durable and resumable.

Each input is a thread of its own, whose id follows from the workflow, the results file, the line
and the input: a second start finds what the first one left, in the results or in the database.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from langgraph.graph.state import CompiledStateGraph
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from graphs.builders import Workflow
from runner import catalogue
from runner.brake import Brake
from runner.drive import NOBODY, Thread, build_model
from runner.errors import BAD_INPUT, DONE, FAILED, PAUSED, BadInput, Stopped, Trouble, explain
from runner.inputs import Values, check, parse_object
from runner.ledger import Ledger, Line, check_place
from runner.report import Ended, Report, unfinished
from runner.settings import Settings, read_settings
from runner.tell import terminal
from runner.words import count, plain
from state import Context, ThreadBusy, hold_thread, open_checkpointer

MOST_COMPLAINTS = 20
"""Bad lines and failed runs that are told one by one."""
Step = Callable[[], None]


@dataclass(frozen=True)
class Item:
    """One input that can be run."""

    line: int
    given: Values
    """As it stands in the file."""
    values: Values
    """Checked, with every field."""
    thread_id: str


@dataclass
class Tally:
    """What became of the lines, and where it is told."""

    console: Console
    statuses: Counter[str] = field(default_factory=Counter)
    told: int = 0

    def note(self, status: str, complaint: str = "") -> None:
        """Count a line; tell what is wrong with it, as long as it is not the same for hundreds."""
        self.statuses[status] += 1
        if complaint:
            self.told += 1
            if self.told <= MOST_COMPLAINTS:
                self.console.print(plain(complaint, 500), soft_wrap=True)
            elif self.told == MOST_COMPLAINTS + 1:
                self.console.print("... and more of the kind, which are only counted.")

    @property
    def exit_status(self) -> int:
        """The gravest of what happened."""
        if self.statuses["failed"] or self.statuses["aborted"]:
            return FAILED
        if self.statuses["bad"]:
            return BAD_INPUT
        return PAUSED if self.statuses["paused"] else DONE

    def __str__(self) -> str:
        parts = (f"{number:,} {status}" for status, number in sorted(self.statuses.items()))
        return f"{count(self.statuses.total(), 'line')}: {', '.join(parts)}"


@dataclass(frozen=True)
class Batch:
    """Runs in progress, all in one process and on one open database."""

    workflow: Workflow
    graph: CompiledStateGraph[Any, Context, Any, Any]
    settings: Settings
    ledger: Ledger
    tally: Tally
    brake: Brake

    async def work(self, items: Iterable[Item], concurrency: int, step: Step) -> None:
        """Run the items, so many at once; `step` is called when one has ended."""
        waiting = iter(items)

        async def take() -> None:
            for item in waiting:
                if self.brake.pulled:
                    return
                await self._run(item)
                step()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(take())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _run(self, item: Item) -> None:
        try:
            async with hold_thread(self.settings.database, item.thread_id):
                ended = await self._advance(item)
                if isinstance(ended.error, Stopped):
                    return
                await self.ledger.write(_line(item, ended.report))
        except ThreadBusy as busy:
            self.tally.note("failed", f"line {item.line}: {busy}")
        else:
            self.tally.note(ended.report["status"], _complaint(item, ended))

    async def _advance(self, item: Item) -> Ended:
        """Start the item's thread, or go on with what an earlier start left of it."""
        thread = Thread(self.workflow, item.thread_id, self.graph, None, self.settings.prices)
        snapshot = await thread.snapshot()
        if snapshot.created_at is None:
            return await thread.advance(item.values, self.brake, NOBODY)
        if unfinished(snapshot) and not snapshot.interrupts:
            return await thread.advance(None, self.brake, NOBODY)
        return await thread.kept()


def work_through(name: str, inputs: Path, out: Path, concurrency: int) -> int:
    """Run every input that has no final result yet, and return the exit status."""
    workflow = catalogue.load(name)
    settings = read_settings()
    check_place(out)
    if inputs.resolve() == out.resolve():
        raise BadInput(f"{out} has the inputs; the results need another file.")
    tally = Tally(terminal(stderr=True))
    items = list(_read(workflow, inputs, out, tally))
    if not items:
        raise BadInput(f"{inputs} has no line that can be run.")
    stopped = asyncio.run(_work(workflow, items, settings, out, tally, concurrency))
    print(f"{tally}. The results are in {out}.")
    if stopped:
        raise Trouble("stopped; the same command goes on where it ended.")
    return tally.exit_status


async def _work(
    workflow: Workflow,
    items: Sequence[Item],
    settings: Settings,
    out: Path,
    tally: Tally,
    concurrency: int,
) -> bool:
    """Work through what is left, and tell whether the user stopped it."""
    build_model()
    async with _alone(settings, out), open_checkpointer(settings.database) as saver:
        with Brake() as brake, Ledger(out) as ledger, _progress(tally.console) as progress:
            left = [item for item in items if item.thread_id not in ledger.done]
            for item in items:
                if item.thread_id in ledger.done:
                    tally.note(ledger.done[item.thread_id])
            bar = progress.add_task(
                workflow.name, total=len(items), completed=len(items) - len(left)
            )
            graph = workflow.compile(checkpointer=saver)
            batch = Batch(workflow, graph, settings, ledger, tally, brake)
            await batch.work(left, concurrency, lambda: progress.advance(bar))
            return brake.pulled


@asynccontextmanager
async def _alone(settings: Settings, out: Path) -> AsyncIterator[None]:
    """Keep a second batch from writing to the same results."""
    try:
        async with hold_thread(settings.database, f"batch {_identity(out)}"):
            yield
    except ThreadBusy:
        raise Trouble(f"Another batch is writing to {out}; wait for it, or end it.") from None


def _identity(out: Path) -> str:
    return str(out.resolve())


def _read(workflow: Workflow, inputs: Path, out: Path, tally: Tally) -> Iterator[Item]:
    """Yield the inputs that can be run; note the lines that are none."""
    try:
        with inputs.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if raw.strip():
                    try:
                        yield _item(workflow, out, number, raw)
                    except BadInput as error:
                        tally.note("bad", f"{inputs}, {error}")
    except OSError as error:
        raise BadInput(f"{inputs} cannot be read: {error.strerror}.") from None


def _item(workflow: Workflow, out: Path, number: int, raw: bytes) -> Item:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"line {number} is not UTF-8 text.") from None
    given = parse_object(text.strip(), f"line {number}")
    same = json.dumps([workflow.name, _identity(out), number, given], sort_keys=True)
    try:
        values = check(workflow, given)
    except BadInput as error:
        raise BadInput(f"line {number}: {error}") from None
    return Item(number, given, values, str(uuid5(NAMESPACE_URL, same)))


def _line(item: Item, report: Report) -> Line:
    return {
        "input": item.given,
        "line": item.line,
        "thread_id": item.thread_id,
        "status": report["status"],
        "output": report["output"],
        "failures": report["failures"],
    }


def _complaint(item: Item, ended: Ended) -> str:
    """Say what a run still needs; nothing of one that came to its end."""
    status = ended.report["status"]
    if status == "paused":
        return f"line {item.line} is paused: braid resume {item.thread_id}"
    return f"line {item.line} failed: {explain(ended.error)[0]}" if ended.error else ""


class _Rate(ProgressColumn):
    """How many runs end in a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", "dim")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
