"""A branch of several steps: a subgraph, so that no step waits for a sibling branch.

Each step is a task of its own: a crash in step 2 does not run step 1 again, and a retry starts
at the step that failed, with what the earlier ones had made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.checks import Keys
from graphs.failures import recorded, still_open
from graphs.guard import Emit, Job, Outcome, Slots, Update, Who, attempt
from state import Context


class Progress(TypedDict, total=False):
    """The subgraph's state. The branch's input is not in it: the outer thread already keeps it."""

    start: str
    made: Update
    failed: Update


@dataclass(frozen=True, slots=True)
class Outer:
    """What the branch hands to its steps: their own superstep is another one."""

    given: dict[str, Any]
    slots: Slots
    emit: Emit


_outer: ContextVar[Outer] = ContextVar("braid_outer")


class Steps:
    """The steps of one branch, in order."""

    def __init__(self, branch: str, jobs: Sequence[Job], keys: Keys) -> None:
        self._branch, self._keys = branch, keys
        self._names = _distinct([_name(job) for job in jobs])
        graph: StateGraph[Progress, Context, Progress, Progress] = StateGraph(
            Progress, context_schema=Context
        )
        for name, job, following in zip(self._names, jobs, [*self._names[1:], END], strict=True):
            graph.add_node(name, self._step(name, job))  # type: ignore[call-overload]
            graph.add_conditional_edges(name, _unless_failed(following), [following, END])
        graph.add_conditional_edges(START, self._first, list(self._names))
        self._graph = graph.compile(name=branch)

    async def run(
        self,
        state: Mapping[str, Any],
        view: dict[str, Any],
        runtime: Runtime[Context],
        slots: Slots,
    ) -> Update:
        """Run the steps from the first, or from where an earlier round failed."""
        token = _outer.set(Outer(view, slots, runtime.stream_writer))
        begin: Any = still_open(state, "unfinished").get(self._branch) or {}
        try:
            end = await self._graph.ainvoke(begin, context=runtime.context)
        finally:
            _outer.reset(token)
        return dict(end.get("failed") or end["made"])

    def _first(self, progress: Progress) -> str:
        return progress.get("start") or self._names[0]

    def _step(self, name: str, job: Job) -> Any:
        who = Who(self._branch, self._branch, name)

        async def step(progress: Progress, runtime: Runtime[Context]) -> Progress:
            outer, made = _outer.get(), progress.get("made", {})
            outcome = await attempt(
                job, {**outer.given, **made}, runtime, who, outer.slots, outer.emit
            )
            if outcome.error is not None:
                return {"failed": self._failed(name, outcome, made)}
            update = {**outcome.update, "spans": [outcome.span]}
            return {"made": self._keys.fold(made, update)}

        step.__name__ = name
        return step

    def _failed(self, name: str, outcome: Outcome, made: Update) -> Update:
        # The spans of the earlier steps are written now; a retry must not write them again.
        spans = [*made.get("spans", ()), outcome.span]
        kept = {key: value for key, value in made.items() if key != "spans"}
        restart = {"start": name, "made": kept}
        return {**recorded(self._branch, outcome, restart=restart, step=name), "spans": spans}


def _unless_failed(following: str) -> Any:
    def route(progress: Progress) -> str:
        return END if progress.get("failed") else following

    return route


def _name(job: Job) -> str:
    function: Any = job.function
    while hasattr(function, "func"):
        function = function.func
    return str(getattr(function, "__name__", None) or type(function).__name__)


def _distinct(names: Sequence[str]) -> list[str]:
    seen: list[str] = []
    for name in names:
        count = 2
        distinct = name
        while distinct in seen or distinct in Progress.__annotations__:
            distinct, count = f"{name}_{count}", count + 1
        seen.append(distinct)
    return seen
