"""What is told of a run that has ended: one object, for programs and for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NotRequired

from typing_extensions import TypedDict, get_type_hints

from graphs.builders import Workflow
from graphs.failures import still_open
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
    status = status_of(snapshot)
    values, spans = _values(snapshot), spans_of(snapshot)
    report = Report(
        workflow=workflow.name,
        thread_id=thread_id,
        status=status,
        model=model,
        output=_output(workflow, values) if status in ("complete", "partial") else {},
        failures=still_open(values, "failures"),
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
    return "failed" if unfinished(snapshot) or status is None else status


def unfinished(snapshot: StateSnapshot) -> bool:
    """Tell whether a thread still has something to run.

    Its tasks tell, and not `next`: that leaves out the tasks whose writes are kept, so it is empty
    when a run was killed after its last branch and before the checkpoint that follows.
    """
    return bool(snapshot.tasks)


def spans_of(snapshot: StateSnapshot) -> list[Span]:
    """Return what a run has done so far."""
    return _values(snapshot).get("spans") or []


def offered(question: Any) -> list[str]:
    """Return the decisions that a pause for want of results offers; none of any other pause."""
    if isinstance(question, Mapping) and {"workflow", "reason", "failures"} <= question.keys():
        return list(question.get("actions", ()))
    return []


def _values(snapshot: StateSnapshot) -> Mapping[str, Any]:
    """Return what the run has made; LangGraph counts in what finished tasks have written."""
    begins = any(task.name in ("__start__", "fork") for task in snapshot.tasks)
    return {} if begins else snapshot.values  # fork clears what an earlier run left


def _output(workflow: Workflow, values: Mapping[str, Any]) -> dict[str, Any]:
    reported_beside = get_type_hints(ParallelOutput)
    fields = get_type_hints(workflow.output)
    return {name: values.get(name) for name in fields if name not in reported_beside}


def _question(interrupt: Interrupt) -> Question:
    return {"id": interrupt.id, "value": interrupt.value}
