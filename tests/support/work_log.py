"""A file in which work says that it begins and that it has come to its last line.

Lines are `NAME` and `NAME done TIME`; small appends are atomic, and survive a kill.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Event:
    """A piece of work began, or came to its last line."""

    work: str
    finished_at: float | None = None
    """Unix time of the last line; None: it began."""


def begin(file: str | Path, work: str) -> None:
    """Say that a piece of work begins."""
    _append(file, work)


def done(file: str | Path, work: str) -> None:
    """Say that a piece of work has come to its last line."""
    _append(file, f"{work} done {time.time()}")


def read_log(file: Path) -> Sequence[Event]:
    """Read what was said, in order."""
    told = [line.split() for line in file.read_text().splitlines()]
    return [Event(work, float(rest[-1]) if rest else None) for work, *rest in told]


def _append(file: str | Path, line: str) -> None:
    with Path(file).open("a") as opened:
        opened.write(line + "\n")
