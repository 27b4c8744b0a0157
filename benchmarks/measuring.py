"""How the benchmarks measure: in turns, the collector in one state, ratios within a round."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

Runs = Callable[[], Awaitable[int]]
"""One run to its end; returns how many branches it has results of."""


@dataclass
class Target:
    """What the project promises of a figure."""

    what: str
    value: float
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "x"

    def held(self) -> bool:
        """Tell whether the measured value is within its bound."""
        above = self.at_most is None or self.value <= self.at_most
        return above and (self.at_least is None or self.value >= self.at_least)


@dataclass
class Section:
    """A table of figures with what it means, and the targets that it decides."""

    name: str
    title: str
    note: str
    columns: Sequence[str]
    rows: list[list[str]]
    targets: list[Target] = field(default_factory=list)
    series: dict[str, dict[int, float]] = field(default_factory=dict)
    """What is drawn: by name, seconds by number of branches."""

    def as_json(self) -> dict[str, Any]:
        """Return what another process can read back."""
        return asdict(self)

    @classmethod
    def from_json(cls, made: dict[str, Any]) -> Self:
        """Read what another process measured."""
        targets = [Target(**target) for target in made["targets"]]
        series = {
            name: {int(n): s for n, s in points.items()} for name, points in made["series"].items()
        }
        return cls(**{**made, "targets": targets, "series": series})


async def in_turns(
    runs: Mapping[str, Runs], repeats: int, expected: int | None = None
) -> dict[str, list[float]]:
    """Return the seconds of each, run in turns, after one run each that is not counted.

    The garbage collector is in the same state for each: what the set-up made is frozen, and each
    run begins collected.
    """
    for run in runs.values():
        await run()
    gc.collect()
    gc.freeze()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    try:
        for _ in range(repeats):
            for name, run in runs.items():
                gc.collect()
                begun = time.perf_counter()
                made = await run()
                seconds[name].append(time.perf_counter() - begun)
                if expected is not None and made != expected:
                    raise AssertionError(f"{name} gave {made} results of {expected}")
    finally:
        gc.unfreeze()
    return seconds


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """Return the median of the ratios of two series that were measured in turns."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
