"""What is told of a run that has ended: one object, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NotRequired

from typing_extensions import TypedDict, get_type_hints

from graphs.builders import Workflow
from runner.errors import DONE, FAILED, PAUSED
from runner.timing import Detail, Prices, Timing, detail, measure
from state import Failure, ParallelOutput, Span

if TYPE_CHECKING:
    from langgraph.types import Interrupt, StateSnapshot

Status = Literal["complete", "partial", "paused", "aborted", "failed"]


class Question(TypedDict):
    """What a paused thread waits to be told."""

    id: str
    value: Any


class Report(TypedDict):
    """The object that `braid run --json` prints."""

    workflow: str
    thread_id: str
    status: Status
    model: str
    output: dict[str, Any]
    """The workflow's own output fields; empty unless the status is complete or partial."""
    failures: dict[str, Failure]
    timing: Timing
    interrupts: NotRequired[list[Question]]
    """Only of a paused run."""


@dataclass(frozen=True)
class Ended:
    """A report, and what is told to people beside it."""

    workflow: Workflow
    report: Report
    detail: Detail
    error: Exception | None = None
    """What ended it, where that was an error; `Stopped` where it was the user."""

    @property
    def exit_status(self) -> int:
        """The exit status that DESIGN gives to the run's status."""
        return exit_status(self.report["status"])


def exit_status(status: Status) -> int:
    """Return the exit status that goes with a run's status."""
    return {"complete": DONE, "partial": DONE, "paused": PAUSED}.get(status, FAILED)


def conclude(
    workflow: Workflow,
    thread_id: str,
    snapshot: StateSnapshot,
    *,
    model: str,
    now: tuple[float, float] | None,
    prices: Prices,
    error: Exception | None = None,
) -> Ended:
    """Tell how a run ended from what its thread holds.

    `now` is the interval (unix seconds) in which the present process worked on it.
    """
    seen = list(_everything(snapshot))
    status = status_of(snapshot)
    spans: list[Span] = [span for values in seen for span in values.get("spans") or ()]
    recorded = {n: f for values in seen for n, f in (values.get("failures") or {}).items()}
    report = Report(
        workflow=workflow.name,
        thread_id=thread_id,
        status=status,
        model=model,
        output=_output(workflow, snapshot.values) if status in ("complete", "partial") else {},
        failures={name: failure for name, failure in recorded.items() if failure is not None},
        timing=measure(spans, now=now, prices=prices),
    )
    if snapshot.interrupts:
        report["interrupts"] = [_question(interrupt) for interrupt in snapshot.interrupts]
    return Ended(workflow, report, detail(spans, now=now, prices=prices), error)


def status_of(snapshot: StateSnapshot) -> Status:
    """Tell what a thread's state amounts to; a run that was cut off counts as failed."""
    if snapshot.interrupts:
        return "paused"
    status: Status | None = snapshot.values.get("status")
    return "failed" if snapshot.next or status is None else status


def offered(question: Any) -> list[str]:
    """Return the decisions that a pause for want of results offers; none of any other pause."""
    if isinstance(question, Mapping) and {"workflow", "reason", "failures"} <= question.keys():
        return list(question.get("actions", ()))
    return []


def _everything(snapshot: StateSnapshot) -> Iterator[Mapping[str, Any]]:
    """Yield the values, then what finished branches of a superstep that was cut off had written."""
    yield snapshot.values
    for task in snapshot.tasks:
        if isinstance(task.result, Mapping):
            yield task.result


def _output(workflow: Workflow, values: Mapping[str, Any]) -> dict[str, Any]:
    fields = get_type_hints(workflow.output).keys() - get_type_hints(ParallelOutput).keys()
    return {name: values.get(name) for name in get_type_hints(workflow.output) if name in fields}


def _question(interrupt: Interrupt) -> Question:
    return {"id": interrupt.id, "value": interrupt.value}
