"""The patterns under torture, and what comes of them without it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from support.forked import Forker
from support.torture_batch import BatchTrial
from support.torture_faults import server
from support.torture_thread import ThreadTrial
from support.torture_trial import Place, Trial


def _toy(name: str, **order: Any) -> Callable[..., Trial]:
    return functools.partial(ThreadTrial, name, order)


PATTERNS: dict[str, Callable[..., Trial]] = {
    "branches": _toy("branches", branches=["a", "b", "c", "d"]),
    "two-step branch": _toy("two-step branch"),
    "map, chunks of 1": _toy("map, chunks of 1", items=12, chunk_size=1),
    "map, chunks of 4": _toy("map, chunks of 4", items=12, chunk_size=4),
    "map, one chunk": _toy("map, one chunk", items=12, chunk_size=12),
    "batch": functools.partial(BatchTrial, "batch"),
}
"""Makes a trial from a seed, a place and, where it is not left to the seed, a number of kills."""


def run_fault_free(pattern: str, forker: Forker, directory: Path) -> Any:
    """Run a pattern without faults and kills, in a process and on a SQLite file of its own."""
    own = directory / f"fault-free-{uuid4().hex[:8]}"
    own.mkdir()
    trial = PATTERNS[pattern](0, Place(forker, own, str(own / "braid.sqlite")), 0)
    with server(dict(trial.labels), trial.faults) as trial.server:
        result = trial.finish()
        counted = trial.server.counts
    assert set(counted.values()) == {1}, f"{pattern} without faults asked {counted}"
    return sorted(result, key=lambda line: line["line"]) if pattern == "batch" else result
