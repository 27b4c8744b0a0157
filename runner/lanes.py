"""What runs, shown while it runs: one line per branch, or the items that there is room for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from runner.words import ASCII_MARKS, MARKS, count, plain, seconds

Condition = Literal["waiting", "running", "retrying", "ok", "failed", "paused"]
STYLES: Mapping[str, str] = {
    "waiting": "dim",
    "running": "cyan",
    "retrying": "yellow",
    "ok": "green",
    "failed": "red",
    "paused": "yellow",
}
LONGEST_NAME = 40
"""Columns that a name may take."""
MOST_LANES = 30
"""Branches that are drawn one by one; more are counted."""


@dataclass
class Lane:
    """One branch or item, as far as it has come."""

    name: str
    condition: Condition = "waiting"
    attempt: int = 1
    started: float | None = None
    spent: float = 0.0
    """Seconds of the attempts that have ended."""
    tokens: int = 0

    def seconds(self, now: float) -> float:
        """Return how long it has worked, up to now."""
        return self.spent + (max(0.0, now - self.started) if self.started is not None else 0.0)


class Lanes:
    """Takes a run's events and shows them: live on a terminal, else a line per finished branch.

    Where `leave` is false, nothing stays on the terminal: something better follows.
    """

    def __init__(
        self, title: str, names: Sequence[str] | None, console: Console, *, leave: bool = True
    ) -> None:
        self._title, self._console = title, console
        self._lanes: dict[str, Lane] = {name: Lane(name) for name in names or ()}
        self._many = not self._lanes
        self._ended: dict[str, int] = {"ok": 0, "failed": 0, "paused": 0}
        self._spinner = Spinner("dots" if self._fancy() else "line", style="cyan")
        self._live: Live | None = None
        self._leave = leave

    def __enter__(self) -> Lanes:
        """Start drawing."""
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self._draw,
                refresh_per_second=12,
                transient=not self._leave,
            )
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Draw the last state and stop."""
        if self._live is not None:
            self._live.__exit__(kind, error, trace)
            self._live = None

    def event(self, event: Mapping[str, Any]) -> None:
        """Take one of the guard's events."""
        lane = self._lanes.setdefault(str(event["braid"]), Lane(str(event["braid"])))
        lane.attempt = int(event["attempt"])
        if event["ev"] == "start":
            lane.condition, lane.started = "running", float(event["t"])
            return
        if lane.started is not None:
            lane.spent, lane.started = lane.seconds(float(event["t"])), None
        if event.get("will_retry"):
            lane.condition = "retrying"
            return
        lane.condition = event["status"]
        if self._live is None:
            self._console.print(self._line(lane), highlight=False, soft_wrap=True)
        if event["node"] == "worker":
            self._ended[event["status"]] += 1
            del self._lanes[lane.name]  # thousands of finished items are counted, not kept

    def tokens(self, name: str, number: int) -> None:
        """Count streamed tokens of a branch or item."""
        if (lane := self._lanes.get(name)) is not None:
            lane.tokens += number

    def _draw(self) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=2, justify="right")
        table.add_column(max_width=LONGEST_NAME, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", no_wrap=True)
        table.add_column(style="dim", no_wrap=True)
        if self._many:
            table.add_row("", *self._summary())
        shown = list(self._lanes.values())
        if self._many:
            shown = [lane for lane in shown if lane.condition != "waiting"]
        room = min(MOST_LANES, max(3, self._console.size.height - 5))
        now = time.time()
        for lane in shown[:room]:
            running = lane.condition == "running"
            mark: RenderableType = self._spinner if running else self._mark(lane.condition)
            table.add_row(mark, plain(lane.name, LONGEST_NAME), self._time(lane, now), _note(lane))
        if len(shown) > room:
            table.add_row("", Text(f"and {len(shown) - room:,} more", style="dim"))
        return Group(Text(plain(self._title), style="bold"), table)

    def _summary(self) -> tuple[RenderableType, ...]:
        done, failed = self._ended["ok"], self._ended["failed"]
        words = [Text(count(done, "item") + " done", style="green" if done else "dim")]
        if failed:
            words.append(Text(f"{failed:,} failed", style="red"))
        return (Text(", ").join(words),)

    def _time(self, lane: Lane, now: float) -> Text:
        if lane.condition == "waiting":
            return Text("waiting", style="dim")
        return Text(seconds(lane.seconds(now)), style=STYLES[lane.condition])

    def _mark(self, condition: Condition) -> Text:
        marks = MARKS if self._fancy() else ASCII_MARKS
        return Text(marks.get(condition, " "), style=STYLES[condition])

    def _line(self, lane: Lane) -> Text:
        note = _note(lane)
        parts = [plain(lane.name, LONGEST_NAME), seconds(lane.seconds(time.time())), note.plain]
        text = "  ".join(part for part in parts if part)
        return Text.assemble(self._mark(lane.condition), " ", text)

    def _fancy(self) -> bool:
        return (self._console.encoding or "").lower().startswith("utf")


def _note(lane: Lane) -> Text:
    """Return what else there is to say: the attempt, when it is not the first, and tokens."""
    words = []
    if lane.condition == "retrying":
        words.append(f"attempt {lane.attempt + 1} follows")
    elif lane.condition == "failed":
        words.append("failed" if lane.attempt == 1 else f"failed after {lane.attempt} attempts")
    elif lane.condition == "paused":
        words.append("asks a question")
    elif lane.attempt > 1:
        words.append(f"attempt {lane.attempt}")
    if lane.tokens:
        words.append(count(lane.tokens, "token"))
    return Text(", ".join(words))
