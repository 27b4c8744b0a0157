"""The two builders: a frozen declaration in, an ordinary LangGraph StateGraph out.

What they wire, with `split` and `worker` in place of the branches in a `MapReduce`:

    START -> fork -> branch, branch, branch -> join (deferred) -> aggregate -> END
                        ^                         |
                        +---- only the failed ----+
"""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Overwrite, RetryPolicy, Send, interrupt
from typing_extensions import TypedDict

from graphs.branches import Node, one_step, several_steps
from graphs.checks import (
    Function,
    Keys,
    check_branch_name,
    check_limits,
    check_quorum,
    check_schemas,
    is_async,
    make_job,
    read_state,
    takes_runtime,
)
from graphs.failures import LEDGERS, listed, still_open
from graphs.guard import NO_LIMIT, Job, Who, attempt
from graphs.inputs import InputError, check_input, field_names
from graphs.items import Chunk, accept_items, chunks, run_chunk
from graphs.retry import RETRY
from graphs.superstep import asked_before
from state import Context, current_checkpointer

__all__ = ["Branch", "FanOut", "InputError", "MapReduce", "QuorumNotMet"]

Graph = StateGraph[Any, Context, Any, Any]
MOST_NAMED = 20
"""Failures that a pause names; the state has them all."""


class QuorumNotMet(RuntimeError):
    """Too few branches succeeded; the message names each failed one and its error."""


class Decision(TypedDict):
    """The answer to a pause for want of results."""

    action: Literal["retry", "accept", "abort"]


class DecisionWithoutResult(TypedDict):
    """The answer when nothing succeeded, so that there is nothing to accept."""

    action: Literal["retry", "abort"]


@dataclass(frozen=True)
class Branch:
    """A branch that needs more than its function: steps in order, its own retry or timeout."""

    run: Function | Sequence[Function]
    retry: RetryPolicy | None = None
    timeout: float | None = None
    """Seconds for each attempt of each step; None: the workflow's."""
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """What both patterns declare and wire alike."""

    name: str
    input: type
    state: type
    output: type
    aggregator: Function
    """Async; reads the state, returns the output keys. Its own final error is raised."""
    quorum: int | float | None = None
    """How many must succeed: all (None), a count, or a share below 1, rounded up."""
    on_shortfall: Literal["pause", "raise"] = "pause"
    """What join does when the quorum is not met; without a checkpointer it always raises."""
    max_parallel: int | None = None
    """How many branches or items run at once; a run's context may say otherwise."""
    retry: RetryPolicy = RETRY
    timeout: float | None = 120.0
    """Seconds for each attempt, from when it holds a slot."""
    validate: Callable[[Mapping[str, Any]], None] | None = None
    """Checks fields against each other: raises ValueError with a sentence on the input."""

    def builder(self) -> Graph:
        """Return the uncompiled StateGraph, after all checks."""
        raise NotImplementedError

    def compile(self, **kwargs: Any) -> CompiledStateGraph[Any, Context, Any, Any]:
        """Build and compile; everything is passed on to LangGraph's `compile`."""
        return self.builder().compile(**{"name": self.name, **kwargs})

    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the coerced input with every field, absent ones as None; raise InputError."""
        clean = check_input(self.name, self.input, values)
        if self.validate is not None:
            try:
                self.validate(clean)
            except ValueError as error:
                raise InputError(f"{self.name}: {error}") from None
        return clean

    def branch_names(self) -> tuple[str, ...] | None:
        """Return the branches' names; None where they are known only at run time."""
        return None

    def again(self, values: Mapping[str, Any]) -> Command[Any] | None:
        """Return the command that runs only what failed, for a run that has ended.

        None when nothing failed.
        """
        failed = still_open(values, "failures")
        return Command(goto=self._rerun(values, list(failed))) if failed else None

    def _rerun(self, values: Mapping[str, Any], failed: list[str]) -> list[str] | list[Send]:
        raise NotImplementedError

    def _total(self, values: Mapping[str, Any]) -> int:
        raise NotImplementedError

    def _start(self, keys: Keys) -> Graph:
        """Check what both patterns share; return a graph that begins with fork."""
        check_schemas(self.name, keys, self.input, self.output)
        check_limits(
            self.name, "", retry=self.retry, timeout=self.timeout, max_parallel=self.max_parallel
        )
        if self.on_shortfall not in ("pause", "raise"):
            raise ValueError(
                f"{self.name}: on_shortfall must be 'pause' or 'raise', not {self.on_shortfall!r}"
            )
        graph: Graph = StateGraph(
            self.state, context_schema=Context, input_schema=self.input, output_schema=self.output
        )
        graph.add_node("fork", self._fork(keys))
        graph.add_edge(START, "fork")
        return graph

    def _finish(self, graph: Graph, keys: Keys, again: Sequence[str]) -> Graph:
        """Add join, the only deferred node, and aggregate; `again` names what a retry reruns."""
        graph.add_node("join", self._join(), defer=True, destinations=("aggregate", *again, END))
        graph.add_node("aggregate", self._aggregate(keys))
        graph.add_edge("aggregate", END)
        return graph

    def _fork(self, keys: Keys) -> Node:
        fields = field_names(self.input)
        kept = sorted(keys.all - set(fields))

        async def fork(state: dict[str, Any]) -> dict[str, Any]:
            """Check the input and clear what an earlier run left on the thread."""
            given = {name: state.get(name) for name in fields}
            # What `validate` asks of the disk would hold up everybody else's runs.
            if self.validate is None:
                clean = self.check(given)
            else:
                clean = await asyncio.to_thread(self.check, given)
            return {**clean, **keys.cleared(state, kept)}

        return fork

    def _aggregate(self, keys: Keys) -> Node:
        job, _ = self._job("the aggregator", self.aggregator, keys)
        who = Who("aggregate", "aggregate")

        async def aggregate(state: dict[str, Any], runtime: Runtime[Context]) -> dict[str, Any]:
            view = keys.seen_by_aggregator(state)
            outcome = await attempt(job, view, runtime, who, NO_LIMIT, runtime.stream_writer)
            if outcome.error is not None:
                raise outcome.error
            return {**outcome.update, "spans": [outcome.span]}

        return aggregate

    def _join(self) -> Node:
        async def join(state: dict[str, Any], runtime: Runtime[Context]) -> Command[Any]:
            """Decide, once per round and when everything has ended, how to go on."""
            failed, total = still_open(state, "failures"), self._total(state)
            succeeded = total - len(failed)
            # join is the single writer in its superstep, so it may overwrite.
            tidy = {
                ledger: Overwrite(still_open(state, ledger))
                for ledger in LEDGERS
                if state.get(ledger)
            }
            if succeeded >= self._needed(total):
                status = "partial" if failed else "complete"
                return Command(update={**tidy, "status": status}, goto="aggregate")
            action = await self._ask(failed, succeeded, total, runtime)
            if action == "retry":
                return Command(update=tidy, goto=self._rerun(state, list(failed)))
            if action == "accept":
                return Command(update={**tidy, "status": "partial"}, goto="aggregate")
            return Command(update={**tidy, "status": "aborted"}, goto=END)

        return join

    def _needed(self, total: int) -> int:
        if self.quorum is None:
            return total
        if isinstance(self.quorum, float):
            return math.ceil(round(self.quorum * total, 9))
        return min(self.quorum, total)

    async def _ask(
        self, failed: dict[str, Any], succeeded: int, total: int, runtime: Runtime[Context]
    ) -> str:
        """Pause for a decision, or raise where nobody can be asked."""
        short = f"{self.name}: {succeeded} of {total} succeeded, {self._needed(total)} are needed"
        if current_checkpointer() is None:
            raise QuorumNotMet(f"{short}. {listed(failed)}")
        if self.on_shortfall == "raise":
            # To resume a run that raised is to ask for another try of what failed.
            if await asked_before(runtime):
                return "retry"
            raise QuorumNotMet(f"{short}. {listed(failed)}")
        named = dict(list(failed.items())[:MOST_NAMED])
        question = {
            "workflow": self.name,
            "reason": f"{short}. {listed(named)}",
            "failures": named,
            "actions": ["retry", "accept", "abort"] if succeeded else ["retry", "abort"],
        }
        schema = Decision if succeeded else DecisionWithoutResult
        return str(interrupt(question, response_schema=schema)["action"])

    def _job(
        self,
        who: str,
        function: Function,
        keys: Keys,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
    ) -> tuple[Job, frozenset[str]]:
        return make_job(
            self.name,
            who,
            function,
            keys,
            retry=retry or self.retry,
            timeout=timeout or self.timeout,
        )


@dataclass(frozen=True, kw_only=True)
class FanOut(Workflow):
    """Branches that are known when the graph is written: sectioning, voting, redundancy."""

    branches: Mapping[str, Function | Sequence[Function] | Branch]
    """By name: an async node function, a list of them (steps in order), or a Branch."""

    def branch_names(self) -> tuple[str, ...]:
        """Return the branches' names in the order of their declaration."""
        return tuple(self.branches)

    def builder(self) -> Graph:
        """Return the uncompiled StateGraph, after all checks."""
        keys = read_state(self.name, self.state)
        if not self.branches:
            raise ValueError(f"{self.name}: there are no branches; give at least one")
        check_quorum(self.name, self.quorum, len(self.branches))
        graph = self._start(keys)
        writers: dict[str, str] = {}
        for name, declared in self.branches.items():
            check_branch_name(self.name, name, keys)
            branch = declared if isinstance(declared, Branch) else Branch(declared)
            node, writes = self._branch(name, branch, keys)
            self._check_writers(name, writes - keys.reducers.keys(), writers)
            graph.add_node(name, node, metadata=_metadata(name, branch))
            graph.add_edge("fork", name)
            graph.add_edge(name, "join")
        return self._finish(graph, keys, list(self.branches))

    def _branch(self, name: str, branch: Branch, keys: Keys) -> tuple[Node, frozenset[str]]:
        where = f"branch {name!r}"
        check_limits(self.name, where, retry=branch.retry, timeout=branch.timeout)
        functions = list(branch.run) if isinstance(branch.run, Sequence) else [branch.run]
        if not functions:
            raise ValueError(f"{self.name}: {where} has no steps; give at least one")
        made = [self._job(where, f, keys, branch.retry, branch.timeout) for f in functions]
        jobs, writes = [job for job, _ in made], frozenset[str]().union(*(w for _, w in made))
        if len(jobs) == 1:
            return one_step(name, jobs[0], keys, self.max_parallel), writes
        return several_steps(name, jobs, keys, self.max_parallel), writes

    def _check_writers(self, name: str, plain: frozenset[str], writers: dict[str, str]) -> None:
        for key in sorted(plain):
            if key in writers:
                raise ValueError(
                    f"{self.name}: the branches {writers[key]!r} and {name!r} both write {key!r}, "
                    f"which has no reducer; declare it as Annotated[..., merge] or the like"
                )
            writers[key] = name

    def _total(self, values: Mapping[str, Any]) -> int:
        return len(self.branches)

    def _rerun(self, values: Mapping[str, Any], failed: list[str]) -> list[str]:
        return failed


@dataclass(frozen=True, kw_only=True)
class MapReduce(Workflow):
    """One branch per item, known only at run time."""

    split: Function
    """state -> {item id: payload}; a plain function, or an async node that plans with a model."""
    worker: Function
    """Async; receives one payload and returns a partial update like any branch."""
    chunk_size: int | None = None
    """Items per LangGraph task, for speed only; by default min(256, ceil(n / 16))."""

    def builder(self) -> Graph:
        """Return the uncompiled StateGraph, after all checks."""
        keys = read_state(self.name, self.state)
        check_quorum(self.name, self.quorum)
        check_limits(self.name, "", chunk_size=self.chunk_size)
        graph = self._start(keys)
        job, writes = self._job("the worker", self.worker, keys)
        if plain := sorted(writes - keys.reducers.keys()):
            raise ValueError(
                f"{self.name}: every item writes {plain[0]!r}, which has no reducer; declare it as "
                f"Annotated[..., merge] or the like"
            )
        graph.add_node("split", self._split(keys), destinations=("worker", "join"))
        graph.add_node(
            "worker", self._worker(job, keys), input_schema=Chunk, destinations=("join",)
        )
        graph.add_edge("fork", "split")
        return self._finish(graph, keys, ["worker"])

    def _split(self, keys: Keys) -> Node:
        function = self.split if is_async(self.split) else _as_async(self.split)
        job = Job(
            function=function,
            takes_runtime=takes_runtime(self.name, "split", function),
            accept=functools.partial(accept_items, self.name),
            retry=self.retry,
            timeout=self.timeout,
        )
        who = Who("split", "split")

        async def split(state: dict[str, Any], runtime: Runtime[Context]) -> Command[Any]:
            view = keys.seen_by_branch(state)
            outcome = await attempt(job, view, runtime, who, NO_LIMIT, runtime.stream_writer)
            if outcome.error is not None:
                raise outcome.error
            items = outcome.update
            update = {"expected": len(items), "spans": [outcome.span]}
            return Command(update=update, goto=chunks(items, self.chunk_size) or ["join"])

        return split

    def _worker(self, job: Job, keys: Keys) -> Node:
        async def worker(chunk: Chunk, runtime: Runtime[Context]) -> dict[str, Any] | Command[Any]:
            update = await run_chunk(job, chunk, keys, runtime, self.max_parallel)
            # join waits for all tasks whoever calls it. An edge would have each of them call it,
            # and what each writes costs LangGraph time by the square of their number.
            return Command(update=update, goto="join") if chunk["last"] else update

        return worker

    def _total(self, values: Mapping[str, Any]) -> int:
        return int(values.get("expected") or 0)

    def _rerun(self, values: Mapping[str, Any], failed: list[str]) -> list[Send]:
        kept = values.get("unfinished") or {}
        items = {item: kept[item]["payload"] for item in failed}
        return chunks(items, self.chunk_size, again=True)


def _as_async(function: Function) -> Function:
    """Wrap a plain function; its signature stays visible."""
    if not callable(function):
        raise TypeError(f"split must be a function of the state, not {function!r}")

    @functools.wraps(function)
    async def call(*args: Any) -> Any:
        return function(*args)

    return call


def _metadata(name: str, branch: Branch) -> dict[str, Any]:
    """Return a node's metadata: streamed tokens carry it, and Studio shows it."""
    return {"branch": name, **({"description": branch.description} if branch.description else {})}
