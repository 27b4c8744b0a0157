"""What a run took: every branch on one clock, the speed-up, the tokens and what they cost."""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from typing_extensions import TypedDict

from state import Span

Interval = tuple[int, int]


class Tokens(TypedDict):
    """Tokens of one branch, over all its attempts that were kept."""

    input: int
    output: int


class BranchTiming(TypedDict):
    """One branch or item, its steps and retry rounds added up."""

    name: str
    start_s: float
    """When it first started, in seconds of work since the run's first."""
    end_s: float
    """When it last ended."""
    status: Literal["ok", "failed"]
    attempts: int
    """Rounds added up; within a round, the step that needed most."""
    tokens: Tokens
    cost_usd: float | None
    """None unless the price of every model it asked is known."""


class Timing(TypedDict):
    """`timing` of `braid run --json`."""

    wall_s: float
    """How long somebody worked; pauses and the time after a crash are left out."""
    sum_s: float
    """The branches' times added up."""
    critical_s: float
    """The longest branch."""
    speedup: float
    """sum_s / wall_s."""
    efficiency: float
    """critical_s / wall_s; 1.0 is the limit."""
    branches: list[BranchTiming]


class Piece(TypedDict):
    """One span on the clock of the run."""

    start_s: float
    end_s: float
    status: Literal["ok", "failed"]
    step: str | None


class Part(BranchTiming):
    """A branch, or split or aggregate, with what a timeline can show beyond the JSON."""

    pieces: list[Piece]
    """One per step and round, in order."""
    calls: int
    """Requests to models."""
    first_token_s: float | None
    """Seconds from its start to its first token, where the model streamed."""


class Detail(TypedDict):
    """Everything that ran, by name; what the reports for people show beyond the JSON."""

    branches: dict[str, Part]
    nodes: dict[str, Part]
    """`split` and `aggregate`, where they ran."""


class Price(TypedDict):
    """USD per million tokens."""

    input: float
    output: float


Prices = Mapping[str, Price]
"""By model name, as the models report it."""


def measure(
    spans: Sequence[Span],
    *,
    now: tuple[float, float] | None = None,
    prices: Prices | None = None,
) -> Timing:
    """Return the times of a run from its spans.

    `now` is the interval (unix seconds) in which the present process worked. Earlier processes
    left nothing but their spans, so of them the clock keeps the time in which a span was running.
    A branch's time is the time in which one of its own spans was running.
    """
    clock = _clock(spans, now)
    grouped = _by_name(span for span in spans if not _is_node(span))
    times = [_measured(_interval(span) for span in group) for group in grouped.values()]
    wall, total, critical = clock.length, sum(times), max(times, default=0)
    return {
        "wall_s": wall / 1e6,
        "sum_s": total / 1e6,
        "critical_s": critical / 1e6,
        "speedup": total / wall if wall else 0.0,
        "efficiency": critical / wall if wall else 0.0,
        "branches": [_branch(group, clock, prices or {}) for group in grouped.values()],
    }


def detail(
    spans: Sequence[Span],
    *,
    now: tuple[float, float] | None = None,
    prices: Prices | None = None,
) -> Detail:
    """Return what a timeline shows beside the JSON; on the same clock as `measure`."""
    clock = _clock(spans, now)

    def parts(chosen: Iterable[Span]) -> dict[str, Part]:
        groups = _by_name(chosen)
        return {name: _part(group, clock, prices or {}) for name, group in groups.items()}

    return {
        "branches": parts(span for span in spans if not _is_node(span)),
        "nodes": parts(span for span in spans if _is_node(span)),
    }


def load_prices(path: str | Path) -> Prices:
    """Read the user's prices: a TOML table per model with `input` and `output`, USD per million.

    Raises ValueError, with the sentence to show, when the file cannot be used.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"The prices in {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML
        raise ValueError(f"The prices in {path} are not valid TOML: {error}.") from error
    return {model: _price(model, table, path) for model, table in tables.items()}


class _Clock:
    """Seconds of work: unix time without the gaps in which nothing was running.

    Counts whole microseconds, so that sums are exact and no bar ends after the run does.
    """

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._busy = _union(intervals)
        self._before = [0]
        for start, end in self._busy:
            self._before.append(self._before[-1] + end - start)

    @property
    def length(self) -> int:
        return self._before[-1]

    def at(self, moment: int) -> int:
        index = bisect_right(self._busy, moment, key=lambda interval: interval[0]) - 1
        if index < 0:
            return 0
        start, end = self._busy[index]
        return self._before[index] + min(moment, end) - start


def _clock(spans: Sequence[Span], now: tuple[float, float] | None) -> _Clock:
    intervals = [_interval(span) for span in spans]
    if now is not None:
        intervals.append(_ordered(*now))
    return _Clock(intervals)


def _interval(span: Span) -> Interval:
    return _ordered(span["start"], span["end"])


def _ordered(start: float, end: float) -> Interval:
    # The system clock may have been set back in between: such a span took no time.
    first = round(start * 1e6)
    return first, max(first, round(end * 1e6))


def _union(intervals: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _measured(intervals: Iterable[Interval]) -> int:
    return sum(end - start for start, end in _union(intervals))


def _is_node(span: Span) -> bool:
    # By node and not by name: an item may be called "aggregate".
    return span["node"] in ("split", "aggregate")


def _by_name(spans: Iterable[Span]) -> dict[str, list[Span]]:
    groups: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span["start"]):
        groups.setdefault(span["name"], []).append(span)
    return groups


def _branch(group: list[Span], clock: _Clock, prices: Prices) -> BranchTiming:
    intervals = [_interval(span) for span in group]
    usages = [usage for span in group for usage in span.get("usage", {}).values()]
    return {
        "name": group[0]["name"],
        "start_s": clock.at(intervals[0][0]) / 1e6,
        "end_s": clock.at(max(end for _, end in intervals)) / 1e6,
        "status": group[-1]["status"],
        "attempts": _attempts(group),
        "tokens": {
            "input": sum(usage["input"] for usage in usages),
            "output": sum(usage["output"] for usage in usages),
        },
        "cost_usd": _cost(group, prices),
    }


def _attempts(group: list[Span]) -> int:
    # A branch that fails ends its round, so what follows a failure is the next round.
    failures = 0
    rounds = []
    for span in group:
        rounds.append((failures, span["attempts"]))
        failures += span["status"] == "failed"
    by_round = groupby(rounds, key=lambda entry: entry[0])
    return sum(max(attempts for _, attempts in entries) for _, entries in by_round)


def _cost(group: list[Span], prices: Prices) -> float | None:
    asked = [entry for span in group for entry in span.get("usage", {}).items()]
    if not asked or any(model not in prices for model, _ in asked):
        return None
    return sum(
        (usage["input"] * prices[model]["input"] + usage["output"] * prices[model]["output"]) / 1e6
        for model, usage in asked
    )


def _part(group: list[Span], clock: _Clock, prices: Prices) -> Part:
    branch = _branch(group, clock, prices)
    calls = sum(usage["calls"] for span in group for usage in span.get("usage", {}).values())
    first = min((span["first_token"] for span in group if "first_token" in span), default=None)
    waited = None if first is None else clock.at(round(first * 1e6)) / 1e6 - branch["start_s"]
    return {
        **branch,
        "pieces": [_piece(span, clock) for span in group],
        "calls": calls,
        "first_token_s": waited,
    }


def _piece(span: Span, clock: _Clock) -> Piece:
    start, end = _interval(span)
    return {
        "start_s": clock.at(start) / 1e6,
        "end_s": clock.at(end) / 1e6,
        "status": span["status"],
        "step": span.get("step"),
    }


def _price(model: str, table: Any, path: str | Path) -> Price:
    if not isinstance(table, dict):
        raise ValueError(
            f'In the prices in {path}, {model!r} stands alone; write a table ["{model}"] '
            "with input and output, in USD per million tokens."
        )
    for key, value in table.items():
        if isinstance(value, dict):
            # TOML reads the dots of an unquoted [gpt-5.4-nano] as tables within tables.
            raise ValueError(
                f"In the prices in {path}, put the model's name in quotes because it has a dot: "
                f'["{_dotted(model, key, value)}"].'
            )
    if set(table) != {"input", "output"}:
        raise ValueError(
            f"In the prices in {path}, {model!r} must have input and output, in USD per million "
            f"tokens, and nothing else; it has {', '.join(sorted(table)) or 'neither'}."
        )
    for key, value in table.items():
        if type(value) not in (int, float) or not (math.isfinite(value) and value >= 0):
            raise ValueError(
                f"In the prices in {path}, {key} of {model!r} must be a number of USD per million "
                f"tokens, 0 or more; it is {value!r}."
            )
    return {"input": float(table["input"]), "output": float(table["output"])}


def _dotted(model: str, key: str, table: dict[str, Any]) -> str:
    name = f"{model}.{key}"
    for inner, value in table.items():
        if isinstance(value, dict):
            return _dotted(name, inner, value)
    return name
