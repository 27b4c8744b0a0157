"""The guard: the one way in which Braid calls a user's function.

It takes a slot, starts the clock, hands over a copy, runs the function, checks what came back,
tries again as declared, and turns the last exception into a value.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.errors import GraphBubbleUp, GraphDrained, is_invalid_resume
from langgraph.runtime import Runtime
from langgraph.types import Overwrite, RetryPolicy

from graphs.deadlines import time_limit
from graphs.meter import Meter, current_meter
from graphs.retry import http_status, pause_before, wants_retry
from state import Context, Failure, Span
from state.redaction import redact, redacted

Update = dict[str, Any]
Emit = Callable[[dict[str, Any]], None]
Slots = AbstractAsyncContextManager[Any]
NO_LIMIT: Slots = nullcontext()
LONGEST_MESSAGE = 2000
"""Characters of an error text that are kept."""
_ADVICE = {
    401: "the key was not accepted: check OPENAI_API_KEY",
    403: "the key may not do this: check OPENAI_API_KEY and the model",
    404: "not found: check the model's name and OPENAI_BASE_URL",
}

_serializer = JsonPlusSerializer()


class BadUpdate(TypeError):
    """A function returned something that the state cannot hold; another attempt would not help."""

    transient = False


@dataclass(frozen=True, slots=True)
class Job:
    """A user's function and how it is to be run; made once, when the graph is built."""

    function: Callable[..., Awaitable[Any]]
    takes_runtime: bool
    accept: Callable[[Any, str], Update]
    """Makes an update of what the function returned; raises BadUpdate with a sentence."""
    retry: RetryPolicy
    timeout: float | None
    """Seconds for each attempt, counted from when it holds a slot."""

    def call(self, argument: Any, runtime: Runtime[Context]) -> Awaitable[Any]:
        """Call the function with a copy of the argument."""
        mine = copy.deepcopy(argument)
        return self.function(mine, runtime) if self.takes_runtime else self.function(mine)


class Who(NamedTuple):
    """Whose work it is, as events and spans name it."""

    name: str
    node: str
    step: str | None = None


class Outcome(NamedTuple):
    """What is left of a job when its attempts are over: an update or an error, and its span."""

    update: Update
    error: Exception | None
    span: Span

    def failure(self, step: str | None = None) -> Failure:
        """Describe the error as a value that the state can hold."""
        error = self.error
        assert error is not None
        failure = Failure(
            error_type=type(error).__name__,
            message=readable(error),
            attempts=self.span["attempts"],
        )
        if step is not None:
            failure["step"] = step
        return failure


async def attempt(
    job: Job, argument: Any, runtime: Runtime[Context], who: Who, slots: Slots, emit: Emit
) -> Outcome:
    """Run a job until it succeeds or its attempts are spent.

    Interrupts pass through, and so does the cancellation of the task; everything else that the
    function raises ends up in the outcome.
    """
    update: Update
    error: Exception | None
    meter, started, number = Meter(), 0.0, 0
    current_meter.set(meter)  # for good: the task, or the item's own, ends with the job
    while True:
        number += 1
        async with slots:
            if runtime.drain_requested:  # what has not started is for the next process
                raise GraphDrained(runtime.drain_reason or "shutdown")
            began = time.time()
            started = started or began
            emit(_event(who, "start", began, number))
            update, error = {}, None
            try:
                with time_limit(job.timeout):
                    update = job.accept(await job.call(argument, runtime), who.name)
            except asyncio.CancelledError:
                if _cancelled():
                    raise
                error = RuntimeError("the function cancelled itself")
            except Exception as raised:
                # After an answer that does not fit nothing is saved: the pause stays answerable.
                if isinstance(raised, GraphBubbleUp) or is_invalid_resume(raised):
                    emit(_event(who, "end", time.time(), number, status="paused"))
                    raise
                redact(raised)
                error = raised
            ended = time.time()
            wait = _wait(job.retry, number, error)
            emit(
                _event(
                    who,
                    "end",
                    ended,
                    number,
                    status="failed" if error else "ok",
                    will_retry=wait is not None,
                )
            )
        if wait is None:
            return Outcome(update, error, _span(who, started, ended, number, error, meter))
        await asyncio.sleep(wait)


def _cancelled() -> bool:
    """Tell whether somebody asked the running task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _wait(policy: RetryPolicy, number: int, error: Exception | None) -> float | None:
    """Return the seconds until the next attempt; None when this was the last."""
    if error is None or number >= policy.max_attempts or not wants_retry(policy, error):
        return None
    return pause_before(number + 1, policy, error)


def accept_update(writable: frozenset[str], reduced: frozenset[str], made: Any, who: str) -> Update:
    """Return the update if the state can hold it: known keys, no Overwrite, serialisable.

    Left to LangGraph, a bad update ends the run after every branch was paid for, and can leave a
    thread that nothing opens any more.
    """
    if made is None:
        return {}
    if not isinstance(made, dict):
        raise BadUpdate(
            f"{who} returned {type(made).__name__}; return a dict of the state keys to write"
        )
    if not writable.issuperset(made):
        extra = sorted(map(str, made.keys() - writable))
        raise BadUpdate(f"{who} wrote {extra}; it may write {sorted(writable)}")
    for key, value in made.items():
        if isinstance(value, Overwrite) or (key in reduced and imitates_overwrite(value)):
            raise BadUpdate(f"{who} wrote an Overwrite to {key!r}; only fork and join may")
    return storable(made, who)


def storable(value: Update, who: str) -> Update:
    """Return the value if it can be kept in a checkpoint."""
    try:
        _serializer.dumps_typed(value)
    except Exception as error:
        raise BadUpdate(f"{who} returned a value that cannot be stored: {error}") from error
    return value


def imitates_overwrite(value: Any) -> bool:
    """Tell whether LangGraph would take a plain dict for its `Overwrite`."""
    return isinstance(value, dict) and (
        (len(value) == 1 and "__overwrite__" in value) or value.get("type") == "__overwrite__"
    )


def readable(error: BaseException) -> str:
    """Return an error's text without secrets, of bounded length, never empty."""
    text = str(error) or type(error).__name__
    # Other servers have other keys. langchain-openai derives its errors from the client's.
    of_model = any(base.__module__.startswith("openai") for base in type(error).__mro__)
    if of_model and (advice := _ADVICE.get(http_status(error) or 0)):
        text = f"{text} ({advice})"
    text = redacted(text)
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]} ..."


def _event(
    who: Who, ev: Literal["start", "end"], t: float, number: int, **more: Any
) -> dict[str, Any]:
    event = {"braid": who.name, "node": who.node, "ev": ev, "t": t, "attempt": number, **more}
    if who.step is not None:
        event["step"] = who.step
    return event


def _span(
    who: Who, start: float, end: float, attempts: int, error: Exception | None, meter: Meter
) -> Span:
    span = Span(
        name=who.name,
        node=who.node,
        start=start,
        end=end,
        status="failed" if error else "ok",
        attempts=attempts,
    )
    if who.step is not None:
        span["step"] = who.step
    if meter.usage:
        span["usage"] = meter.usage
    if meter.first_token is not None:
        span["first_token"] = meter.first_token
    return span
