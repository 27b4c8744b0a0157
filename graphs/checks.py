"""What is found out, and refused, when a graph is built.

Every error is a sentence that names the workflow, the place and the fix.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace, UnionType
from typing import (
    Annotated,
    Any,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from langgraph.channels import BinaryOperatorAggregate, LastValue
from langgraph.graph import StateGraph
from langgraph.types import Overwrite, RetryPolicy
from typing_extensions import is_typeddict

from graphs.guard import Job, accept_update
from graphs.inputs import field_names
from state import ParallelState

RESERVED = frozenset({"fork", "split", "worker", "join", "aggregate"})
BOOKKEEPING = frozenset(ParallelState.__annotations__)

Function = Callable[..., Any]
Reducer = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Keys:
    """A state schema as LangGraph sees it."""

    all: frozenset[str]
    reducers: Mapping[str, Reducer]
    empty: Mapping[str, Any]
    """The value that a reducer key starts with, where its type has one."""

    def writable(self) -> frozenset[str]:
        """Return the keys that a user's function may write."""
        return self.all - BOOKKEEPING

    def seen_by_branch(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a branch sees: the input and plain keys; accumulating keys start empty.

        So no branch sees what its siblings made, in the first round or in a later one, and none
        can hand it back a second time.
        """
        plain = {key: value for key, value in state.items() if key not in self.reducers}
        view = {**plain, **self.empty}
        return {key: value for key, value in view.items() if key not in BOOKKEEPING}

    def seen_by_aggregator(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the aggregator sees: all results, how they ended and what is missing."""
        hidden = BOOKKEEPING - {"status", "failures"}
        return {key: value for key, value in state.items() if key not in hidden}

    def cleared(self, state: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
        """Return the update that clears these keys; what is clear already costs no write."""
        # An Overwrite sent to a channel that was never written would be stored as an object.
        held = [key for key in keys if key in state and not self._is_clear(key, state[key])]
        return {
            key: Overwrite(self.empty.get(key)) if key in self.reducers else None for key in held
        }

    def _is_clear(self, key: str, value: Any) -> bool:
        if key not in self.reducers:
            return value is None
        # Other types may not know how to compare themselves.
        return type(value) in (list, dict) and bool(value == self.empty.get(key))

    def fold(self, left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
        """Apply one update to another by the state's own reducers; plain keys: the later wins."""
        folded = dict(left)
        for key, value in right.items():
            reduce = self.reducers.get(key) if key in folded else None
            folded[key] = reduce(folded[key], value) if reduce else value
        return folded


def read_state(workflow: str, schema: type) -> Keys:
    """Read a state schema through LangGraph's own channels; refuse what it would misread."""
    if not (is_typeddict(schema) and schema.__annotations__.keys() >= BOOKKEEPING):
        raise TypeError(
            f"{workflow}: the state {_named(schema)} must be a TypedDict that extends ParallelState"
        )
    hints = get_type_hints(schema, include_extras=True)
    _check_reducers(workflow, hints)
    channels = StateGraph(schema).channels
    for key, hint in hints.items():
        hidden = [meta for meta in _metadata(hint) if inspect.isroutine(meta)]
        if hidden and isinstance(channels[key], LastValue):
            raise TypeError(
                f"{workflow}: LangGraph does not see the reducer of {key!r}: "
                f"{_named(hidden[0])} must come last in Annotated[...]"
            )
    reduced = {k: c for k, c in channels.items() if isinstance(c, BinaryOperatorAggregate)}
    return Keys(
        all=frozenset(hints),
        reducers={key: channel.operator for key, channel in reduced.items()},
        empty={key: channel.get() for key, channel in reduced.items() if channel.is_available()},
    )


def check_schemas(workflow: str, keys: Keys, input: type, output: type) -> None:
    """Refuse an input that cannot be checked, and a field that the state cannot carry."""
    if sys.version_info < (3, 12) and type(input).__module__ == "typing":
        raise TypeError(
            f"{workflow}: make {_named(input)} with typing_extensions.TypedDict: before Python "
            f"3.12 pydantic cannot check one of typing"
        )
    for kind, schema in (("input", input), ("output", output)):
        if missing := [name for name in field_names(schema) if name not in keys.all]:
            raise ValueError(
                f"{workflow}: the {kind} field {missing[0]!r} is not in the state; "
                f"add it to the state schema"
            )
    if reduced := [name for name in field_names(input) if name in keys.reducers]:
        raise ValueError(
            f"{workflow}: the input field {reduced[0]!r} may not have a reducer: a second run on a "
            f"thread would add to the first; read it into another key"
        )


def check_quorum(workflow: str, quorum: int | float | None, total: int | None = None) -> None:
    """Refuse a quorum that is neither a share nor a possible count."""
    if quorum is None:
        return
    if isinstance(quorum, float):
        right, range_ = 0 < quorum < 1, "a share must lie between 0 and 1"
    else:
        most = f" and at most {total}, the number of branches" if total else ""
        right = quorum >= 1 and (total is None or quorum <= total) and quorum is not True
        range_ = f"a count must be at least 1{most}"
    if not right:
        raise ValueError(f"{workflow}: quorum={quorum} is out of range: {range_}")


def check_limits(
    workflow: str,
    where: str,
    *,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,
    **counts: int | None,
) -> None:
    """Refuse limits that could never be kept."""
    at = f"{workflow}: {where}" if where else f"{workflow}:"
    if retry is not None and not isinstance(retry, RetryPolicy):
        raise TypeError(f"{at} retry must be a langgraph RetryPolicy, not {_named(type(retry))}")
    if retry is not None and retry.max_attempts < 1:
        raise ValueError(f"{at} retry.max_attempts must be at least 1, not {retry.max_attempts}")
    if timeout is not None and not timeout > 0:
        raise ValueError(f"{at} timeout must be more than 0 seconds, not {timeout}")
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ValueError(f"{at} {name} must be at least 1, not {count}")


def check_branch_name(workflow: str, name: str, keys: Keys) -> None:
    """Refuse a name that LangGraph or Braid uses for something else."""
    if not isinstance(name, str) or not name or set(name) & set(":|."):
        raise ValueError(f"{workflow}: {name!r} cannot name a branch; use a word without : | .")
    if name in RESERVED or name.startswith("__"):
        raise ValueError(f"{workflow}: the branch name {name!r} is reserved; choose another")
    if name in keys.all:
        raise ValueError(
            f"{workflow}: the branch {name!r} has the name of a state key, so an update streamed "
            f"under it could be either's; rename the branch or the key"
        )


def make_job(
    workflow: str,
    who: str,
    function: Function,
    keys: Keys,
    *,
    retry: RetryPolicy,
    timeout: float | None,
) -> tuple[Job, frozenset[str]]:
    """Check a user's function; return how to run it and the keys that it says it writes."""
    if not is_async(function):
        raise TypeError(
            f"{workflow}: {who} must be an async function (async def), "
            f"not {_named(function)}: a thread cannot be cancelled or timed out"
        )
    writes = declared_writes(workflow, who, function)
    if extra := sorted(writes - keys.writable()):
        ours = set(extra) <= BOOKKEEPING
        advice = "which Braid keeps itself" if ours else "which the state lacks; add the key to it"
        raise ValueError(f"{workflow}: {who} writes {extra}, {advice}")
    job = Job(
        function=function,
        takes_runtime=takes_runtime(workflow, who, function),
        accept=functools.partial(accept_update, keys.writable(), frozenset(keys.reducers)),
        retry=retry,
        timeout=timeout,
    )
    return job, writes


def is_async(function: Any) -> bool:
    """Tell whether a call returns a coroutine, also through partials and callable objects."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - the method itself is wanted
    )


def takes_runtime(workflow: str, who: str, function: Function) -> bool:
    """Tell `(state, runtime)` from `(state)`; refuse any other required parameter."""
    parameters = inspect.signature(function).parameters.values()
    required = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    wants = len(positional) > 1 and positional[1].name == "runtime"
    if len(required) > 1 + wants or not (positional or variadic):
        raise TypeError(
            f"{workflow}: {who} must take (state) or (state, runtime), not ({', '.join(required)})"
        )
    return wants


def declared_writes(workflow: str, who: str, function: Function) -> frozenset[str]:
    """Read the keys of the TypedDict that a function is annotated to return.

    A plain dict, no annotation, or one that cannot be resolved declares nothing: then the guard
    checks each update.
    """
    returned = _return_type(function)
    while get_origin(returned) in (Annotated, Required, NotRequired):
        returned = get_args(returned)[0]
    if is_typeddict(returned):
        return frozenset(returned.__annotations__)
    origin = get_origin(returned) or returned
    if returned in (None, Any, type(None)) or (
        isinstance(origin, type) and issubclass(origin, Mapping)
    ):
        return frozenset()
    advice = "annotate it with one TypedDict of the keys that it writes"
    if origin in (Union, UnionType):
        raise TypeError(f"{workflow}: {who} returns a union; {advice}")
    raise TypeError(f"{workflow}: {who} returns {_named(returned)}; {advice}")


def _return_type(function: Function) -> Any:
    inner: Any = function
    while True:
        if isinstance(inner, functools.partial):
            inner = inner.func
        elif hasattr(inner, "__wrapped__"):
            inner = inner.__wrapped__
        elif not inspect.isroutine(inner):
            inner = type(inner).__call__
        else:
            break
    inner = getattr(inner, "__func__", inner)
    annotation = getattr(inner, "__annotations__", {}).get("return")
    if not isinstance(annotation, str):
        return annotation
    # Resolved alone: a parameter's type may be importable for type checkers only.
    alone = SimpleNamespace(__annotations__={"return": annotation})
    try:
        return get_type_hints(alone, inner.__globals__, include_extras=True)["return"]
    except Exception:
        return None


def _check_reducers(workflow: str, hints: Mapping[str, Any]) -> None:
    for key, hint in hints.items():
        metadata = _metadata(hint)
        reducer = metadata[-1] if metadata else None
        if not callable(reducer) or isinstance(reducer, type):
            continue
        fix = "wrap it in a function of two arguments"
        try:
            parameters = list(inspect.signature(reducer).parameters.values())
        except ValueError:
            raise ValueError(
                f"{workflow}: LangGraph cannot call the reducer {_named(reducer)} of {key!r}; {fix}"
            ) from None
        if len(parameters) != 2 or not hasattr(reducer, "__name__"):
            raise ValueError(
                f"{workflow}: {_named(reducer)}, the reducer of {key!r}, is not a function of two "
                f"arguments; {fix}"
            )


def _metadata(hint: Any) -> tuple[Any, ...]:
    while get_origin(hint) in (Required, NotRequired):
        hint = get_args(hint)[0]
    return getattr(hint, "__metadata__", ())


def _named(thing: Any) -> str:
    return getattr(thing, "__name__", None) or repr(thing)
