"""When to try again, and how long to wait first."""

from __future__ import annotations

import email.utils
import json
import random
import sys
import time
from typing import Any

from langchain_core.exceptions import OutputParserException
from langgraph.types import RetryPolicy
from pydantic import ValidationError

RETRIED_STATUS = frozenset({408, 409, 425, 429})
LONGEST_RETRY_AFTER = 60.0
"""Seconds. A server that asks for more is not waited for: the branch fails with its answer."""

_UNPARSABLE = (OutputParserException, ValidationError, json.JSONDecodeError)


def transient(error: BaseException) -> bool:
    """Tell whether another attempt may succeed.

    The HTTP status decides where there is one: 408, 409, 425, 429 and 5xx are tried again, the
    other 4xx are not. Time-outs, lost connections and a model's unparsable answer are tried
    again. An exception class may decide for itself with an attribute `transient`.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(transient(each) for each in error.exceptions)
    if isinstance(own := getattr(error, "transient", None), bool):
        return own
    status = http_status(error)
    if status is not None:
        return status in RETRIED_STATUS or status >= 500
    return isinstance(error, (TimeoutError, ConnectionError, *_UNPARSABLE, *_transport_errors()))


RETRY = RetryPolicy(max_attempts=3, initial_interval=0.5, max_interval=20.0, retry_on=transient)
"""What a branch gets that declares nothing: three attempts, 0.5 s and 1 s apart, with jitter."""


def wants_retry(policy: RetryPolicy, error: Exception) -> bool:
    """Apply a policy's `retry_on`: an exception class, several, or a predicate."""
    on = policy.retry_on
    if isinstance(on, type):
        return isinstance(error, on)
    if callable(on):
        return on(error)
    return isinstance(error, tuple(on))


def pause_before(attempt: int, policy: RetryPolicy, error: Exception) -> float | None:
    """Return the seconds to wait before attempt number `attempt` (2 is the first retry).

    The policy's exponential interval, jittered by half up or down, or the server's
    `Retry-After` where that is longer. None: the server asks for more than
    LONGEST_RETRY_AFTER, so do not try again.
    """
    wait = min(
        policy.max_interval, policy.initial_interval * policy.backoff_factor ** (attempt - 2)
    )
    if policy.jitter:
        wait *= random.uniform(0.5, 1.5)
    asked = retry_after(error)
    return None if asked > LONGEST_RETRY_AFTER else max(wait, asked)


def retry_after(error: BaseException) -> float:
    """Read the seconds of a `Retry-After` header (RFC 9110, 10.2.3); 0.0 where there is none."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    value = headers.get("retry-after") if headers is not None else None
    if value is None:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, date.timestamp() - time.time())


def http_status(error: BaseException) -> int | None:
    """Return the HTTP status that an exception was raised for; None without one, or below 400."""
    response = getattr(error, "response", None)
    for holder in (error, response):
        for name in ("status_code", "status"):
            status = getattr(holder, name, None)
            if isinstance(status, int) and status >= 400:
                return status
    return None


def _transport_errors() -> tuple[type[BaseException], ...]:
    """Name the client libraries' own connection errors without importing the libraries."""
    known = (
        ("httpx", "TransportError"),
        ("httpx2", "TransportError"),
        ("openai", "APIConnectionError"),
    )
    return tuple(
        getattr(sys.modules[module], name) for module, name in known if module in sys.modules
    )
