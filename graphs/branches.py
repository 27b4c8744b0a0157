"""The LangGraph nodes of a branch: one guarded function, or a subgraph of guarded steps.

The steps are a subgraph so that none waits for a sibling branch. Each is a task of its own: a
crash in step 2 does not run step 1 again, and a retry starts at the step that failed, with what
the earlier ones had made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.checks import Keys
from graphs.failures import recorded, still_open, taken_back
from graphs.guard import Emit, Job, Slots, Update, Who, attempt
from graphs.superstep import superstep
from state import Context, Span

Node = Callable[..., Awaitable[Any]]


def one_step(name: str, job: Job, keys: Keys, limit: int | None) -> Node:
    """Return the node of a branch that is one function."""
    who = Who(name, name)

    async def branch(state: dict[str, Any], runtime: Runtime[Context]) -> Update:
        shared, view = superstep(runtime, limit), keys.seen_by_branch(state)
        outcome = await attempt(job, view, runtime, who, shared.slots, runtime.stream_writer)
        update = outcome.update if outcome.error is None else recorded(name, outcome)
        return _settled(name, state, {**update, "spans": [outcome.span]})

    branch.__name__ = name
    return branch


def several_steps(name: str, jobs: Sequence[Job], keys: Keys, limit: int | None) -> Node:
    """Return the node of a branch of several steps, in order."""
    graph = _steps_graph(name, jobs, keys)

    async def branch(state: dict[str, Any], runtime: Runtime[Context]) -> Update:
        shared, view = superstep(runtime, limit), keys.seen_by_branch(state)
        token = _outer.set(_Outer(view, shared.slots, runtime.stream_writer))
        begin: Any = still_open(state, "unfinished").get(name) or {"made": {}}
        try:
            end = await graph.ainvoke(begin, context=runtime.context)
        finally:
            _outer.reset(token)
        update = end.get("failed") or end["made"]
        return _settled(name, state, {**update, "spans": end["spans"]})

    branch.__name__ = name
    return branch


def _settled(name: str, state: Mapping[str, Any], update: Update) -> Update:
    """Add to a success that an earlier round's failure no longer holds."""
    late_success = "failures" not in update and name in still_open(state, "failures")
    return {**update, **taken_back(name)} if late_success else update


class _Progress(TypedDict, total=False):
    """The subgraph's state. The branch's input is not in it: the outer thread keeps that."""

    start: str
    made: Update
    failed: Update
    spans: list[Span]


@dataclass(frozen=True, slots=True)
class _Outer:
    """What the branch hands to its steps, whose own superstep is another one."""

    given: dict[str, Any]
    slots: Slots
    emit: Emit


_outer: ContextVar[_Outer] = ContextVar("braid_outer")


def _steps_graph(
    branch: str, jobs: Sequence[Job], keys: Keys
) -> CompiledStateGraph[_Progress, Context, _Progress, _Progress]:
    names = _distinct([_name(job) for job in jobs])
    graph: StateGraph[_Progress, Context, _Progress, _Progress] = StateGraph(
        _Progress, context_schema=Context
    )
    for name, job, following in zip(names, jobs, [*names[1:], END], strict=True):
        graph.add_node(name, _step(branch, name, job, keys))
        graph.add_conditional_edges(name, _unless_failed(following), [following, END])
    graph.add_conditional_edges(START, lambda made: made.get("start") or names[0], names)
    return graph.compile(name=branch)


def _step(branch: str, name: str, job: Job, keys: Keys) -> Any:
    who = Who(branch, branch, name)

    async def step(progress: _Progress, runtime: Runtime[Context]) -> _Progress:
        outer, made = _outer.get(), progress.get("made", {})
        view = {**outer.given, **made}
        outcome = await attempt(job, view, runtime, who, outer.slots, outer.emit)
        spans = [*progress.get("spans", ()), outcome.span]
        if outcome.error is None:
            return {"made": keys.fold(made, outcome.update), "spans": spans}
        restart = {"start": name, "made": made}
        return {"failed": recorded(branch, outcome, restart=restart, step=name), "spans": spans}

    step.__name__ = name
    return step


def _unless_failed(following: str) -> Callable[[_Progress], str]:
    def route(progress: _Progress) -> str:
        return END if progress.get("failed") else following

    return route


def _name(job: Job) -> str:
    function: Any = job.function
    while hasattr(function, "func"):
        function = function.func
    return str(getattr(function, "__name__", None) or type(function).__name__)


def _distinct(names: Sequence[str]) -> list[str]:
    """Make node names of function names: no two alike, none that of a state key."""
    taken = set(_Progress.__annotations__)
    distinct = []
    for name in names:
        number, unique = 2, name
        while unique in taken:
            number, unique = number + 1, f"{name}_{number}"
        taken.add(unique)
        distinct.append(unique)
    return distinct
