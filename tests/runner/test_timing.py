"""The measured times of a run, over all processes that worked on it."""

from __future__ import annotations

from typing import Any

import pytest

from runner.timing import measure
from state import Span


def span(name: str, start: float, end: float, **more: Any) -> Span:
    made: Any = {"name": name, "node": name, "start": start, "end": end}
    return {**made, "status": "ok", "attempts": 1, **more}


def test_one_process_is_measured_from_its_start_to_its_end() -> None:
    timing = measure([span("a", 10.0, 12.0), span("b", 10.0, 13.0)], now=(10.0, 14.0))
    assert timing["wall_s"] == pytest.approx(4.0)
    assert timing["sum_s"] == pytest.approx(5.0)
    assert timing["critical_s"] == pytest.approx(3.0)
    assert timing["speedup"] == pytest.approx(5 / 4)
    assert timing["efficiency"] == pytest.approx(3 / 4)


def test_time_in_which_nobody_worked_is_taken_out() -> None:
    spans = [span("a", 10.0, 12.0), span("b", 1000.0, 1003.0)]
    timing = measure(spans, now=(1000.0, 1004.0))
    assert timing["wall_s"] == pytest.approx(2.0 + 4.0)
    assert [branch["start_s"] for branch in timing["branches"]] == pytest.approx([0.0, 2.0])


def test_steps_of_a_branch_are_added_up() -> None:
    spans = [
        span("a", 0.0, 1.0, step="s1", usage={"m": {"calls": 1, "input": 5, "output": 1}}),
        span("a", 2.0, 4.0, step="s2", usage={"m": {"calls": 1, "input": 7, "output": 2}}),
    ]
    [branch] = measure(spans, now=(0.0, 4.0))["branches"]
    assert branch["tokens"] == {"input": 12, "output": 3}
    assert (branch["start_s"], branch["end_s"]) == (0.0, 4.0)
    assert measure(spans, now=(0.0, 4.0))["sum_s"] == pytest.approx(3.0)


def test_the_aggregator_is_no_branch() -> None:
    spans = [span("a", 0.0, 1.0), span("aggregate", 1.0, 2.0)]
    timing = measure(spans, now=(0.0, 2.0))
    assert [branch["name"] for branch in timing["branches"]] == ["a"]


def test_the_keys_are_those_of_the_contract() -> None:
    timing = measure([span("a", 0.0, 1.0)], now=(0.0, 1.0))
    assert list(timing) == ["wall_s", "sum_s", "critical_s", "speedup", "efficiency", "branches"]
    assert set(timing["branches"][0]) == {
        "name",
        "start_s",
        "end_s",
        "status",
        "attempts",
        "tokens",
        "cost_usd",
    }
