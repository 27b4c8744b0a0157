"""Which errors are tried again, and how long a retry waits."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import Any

import httpx
import httpx2
import openai
import pytest
from langchain_core.exceptions import OutputParserException
from langgraph.types import RetryPolicy
from pydantic import TypeAdapter, ValidationError

from graphs.guard import BadUpdate
from graphs.retry import (
    LONGEST_RETRY_AFTER,
    RETRY,
    pause_before,
    retry_after,
    transient,
    wants_retry,
)

REQUEST = httpx.Request("POST", "http://127.0.0.1/v1")


def of_httpx(status: int, **headers: str) -> httpx.HTTPStatusError:
    response = httpx.Response(status, headers=headers, request=REQUEST)
    return httpx.HTTPStatusError(str(status), request=REQUEST, response=response)


def of_openai(status: int) -> openai.APIStatusError:
    response = httpx2.Response(status, request=httpx2.Request("POST", "http://127.0.0.1/v1"))
    return openai.APIStatusError(str(status), response=response, body=None)


def invalid() -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(int).validate_json("{")
    return raised.value


RETRIED = [408, 409, 425, 429, 500, 502, 503, 504, 529]
REFUSED = [400, 401, 402, 403, 404, 410, 413, 422]


@pytest.mark.parametrize("make", [of_httpx, of_openai])
@pytest.mark.parametrize("status", RETRIED)
def test_a_status_that_may_pass_is_tried_again(make: Any, status: int) -> None:
    assert transient(make(status))


@pytest.mark.parametrize("make", [of_httpx, of_openai])
@pytest.mark.parametrize("status", REFUSED)
def test_a_status_that_will_not_pass_is_not(make: Any, status: int) -> None:
    assert not transient(make(status))


class Own(Exception):
    transient = True


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("took longer"),
        ConnectionResetError(),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx2.ConnectError("refused"),
        openai.APIConnectionError(request=httpx2.Request("POST", "http://127.0.0.1")),
        openai.APITimeoutError(request=httpx2.Request("POST", "http://127.0.0.1")),
        OutputParserException("no JSON"),
        json.JSONDecodeError("no JSON", "x", 0),
        invalid(),
        Own(),
        ExceptionGroup("both", [TimeoutError(), of_httpx(503)]),
    ],
    ids=lambda e: type(e).__name__,
)
def test_time_outs_lost_connections_and_unparsable_answers_are_tried_again(
    error: Exception,
) -> None:
    assert transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug"),
        KeyError("a bug"),
        BadUpdate("a bug"),
        FileNotFoundError(),
        ExceptionGroup("one is final", [TimeoutError(), ValueError()]),
    ],
    ids=lambda e: type(e).__name__,
)
def test_bugs_are_not_tried_again(error: Exception) -> None:
    assert not transient(error)


def test_an_unparsable_answer_with_status_200_is_tried_again() -> None:
    error = json.JSONDecodeError("no JSON", "x", 0)
    error.response = httpx.Response(200, request=REQUEST)  # type: ignore[attr-defined]
    assert transient(error)


def test_a_policy_may_name_classes_or_a_predicate() -> None:
    assert wants_retry(RetryPolicy(retry_on=KeyError), KeyError())
    assert not wants_retry(RetryPolicy(retry_on=KeyError), ValueError())
    assert wants_retry(RetryPolicy(retry_on=(KeyError, OSError)), ConnectionError())
    assert wants_retry(RetryPolicy(retry_on=lambda e: "again" in str(e)), ValueError("again"))


def test_the_default_policy_makes_three_attempts() -> None:
    assert RETRY.max_attempts == 3


def test_the_interval_grows_up_to_its_bound() -> None:
    policy = RetryPolicy(initial_interval=1, backoff_factor=3, max_interval=5, jitter=False)
    waits = [pause_before(attempt, policy, ValueError()) for attempt in (2, 3, 4)]
    assert waits == [1, 3, 5]


def test_jitter_moves_the_interval_by_half_at_most() -> None:
    policy = RetryPolicy(initial_interval=1, jitter=True)
    waits = [pause_before(2, policy, ValueError()) or 0 for _ in range(200)]
    assert min(waits) >= 0.5
    assert max(waits) <= 1.5
    assert len(set(waits)) > 100


def test_retry_after_is_honoured_in_seconds_and_as_a_date() -> None:
    assert retry_after(of_httpx(429, **{"retry-after": "7"})) == 7.0
    date = formatdate(time.time() + 30, usegmt=True)
    assert 25 < retry_after(of_httpx(429, **{"retry-after": date})) <= 30
    policy = RetryPolicy(initial_interval=0.1, jitter=False)
    assert pause_before(2, policy, of_httpx(429, **{"retry-after": "7"})) == 7.0


@pytest.mark.parametrize("value", ["soon", "", "-3", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_retry_after_that_says_nothing_changes_nothing(value: str) -> None:
    assert retry_after(of_httpx(429, **{"retry-after": value})) == 0.0


def test_a_server_that_asks_for_too_long_a_wait_is_not_asked_again() -> None:
    error = of_httpx(429, **{"retry-after": str(LONGEST_RETRY_AFTER + 1)})
    assert pause_before(2, RETRY, error) is None
