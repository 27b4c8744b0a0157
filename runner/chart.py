"""A run as rows and columns: what every form of the timeline draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from rich.cells import cell_len

from runner.timing import BranchTiming, Detail, Part, Piece, Timing
from runner.words import count, plain, seconds, usd

Report = Mapping[str, Any]
"""The object that `braid run --json` prints."""

MOST_ROWS = 30
AT_ONCE = "at once"
"""The name of the row that stands for those that are not shown."""


@dataclass(frozen=True)
class Row:
    """One branch, or one of the nodes around the branches."""

    name: str
    part: Part
    is_branch: bool
    reason: str
    """Why it failed; empty where it did not."""

    @property
    def failed(self) -> bool:
        """Whether its last attempt failed."""
        return self.part["status"] == "failed"

    @property
    def time(self) -> float:
        """Seconds of work; the wait between two rounds is none."""
        return sum(piece["end_s"] - piece["start_s"] for piece in self.part["pieces"])


@dataclass(frozen=True)
class Column:
    """A figure that is shown of every row, in a chart where it tells the rows apart."""

    title: str
    show: Callable[[Row], str]
    tells: Callable[[Row], object] = lambda row: True

    def cell(self, row: Row) -> str:
        """Return the figure; of the nodes around the branches only those that say something."""
        return self.show(row) if row.is_branch or self.tells(row) else ""


def _tokens(row: Row) -> int:
    return row.part["tokens"]["input"] + row.part["tokens"]["output"]


def _cost(row: Row) -> str:
    cost = row.part["cost_usd"]
    return "" if cost is None else usd(cost)


def _first_token(row: Row) -> str:
    waited = row.part["first_token_s"]
    return "" if waited is None else seconds(waited)


COLUMNS = (
    Column("time", lambda row: seconds(row.time)),
    Column("attempts", lambda row: str(row.part["attempts"]), lambda r: r.part["attempts"] > 1),
    Column("tokens in", lambda row: f"{row.part['tokens']['input']:,}", _tokens),
    Column("out", lambda row: f"{row.part['tokens']['output']:,}", _tokens),
    Column("cost", _cost, _cost),
    Column("calls", lambda row: f"{row.part['calls']:,}", lambda row: row.part["calls"]),
    Column("first token", _first_token, _first_token),
)


@dataclass(frozen=True)
class Chart:
    """A report, ready to be drawn; its text is harmless on a terminal, but not yet markup."""

    title: str
    status: str
    model: str
    thread: str
    timing: Timing
    rows: Sequence[Row]
    """All of them, in the order in which they started."""
    shown: Sequence[Row]
    """The rows that a picture has room for."""
    columns: Sequence[Column]

    @property
    def work(self) -> str:
        """What was done in which time: `3 branches, 1.84 s of work in 0.64 s`."""
        branches = count(len(self.timing["branches"]), "branch")
        total, wall = seconds(self.timing["sum_s"]), seconds(self.timing["wall_s"])
        return f"{branches}, {total} of work in {wall}"

    @property
    def limit(self) -> float:
        """The speed-up of a run that takes no longer than its longest branch."""
        critical = self.timing["critical_s"]
        return self.timing["sum_s"] / critical if critical else 0.0

    @property
    def mostly_elsewhere(self) -> bool:
        """Whether most of the time went to splitting and aggregating: of that no branch tells."""
        return self.timing["sum_s"] < self.timing["wall_s"] / 2

    @property
    def totals(self) -> str:
        """The sentence that says what running in parallel gained."""
        if not self.limit:
            return self.work
        if self.mostly_elsewhere:
            return f"{self.work}, most of which went before and after the branches"
        return f"{self.work}: {self.timing['speedup']:.2f} x (limit {self.limit:.2f} x)"

    @property
    def spent(self) -> str:
        """What the models were asked for, in words; empty when there were none."""
        parts = [row.part for row in self.rows]
        used = [sum(part["tokens"][way] for part in parts) for way in ("input", "output")]
        if not any(used):
            return ""
        calls = sum(part["calls"] for part in parts)
        words = [count(calls, "model call")] if calls else []
        words += [f"{used[0]:,} tokens in", f"{used[1]:,} out"]
        costs = [row.part["cost_usd"] for row in self.rows if _tokens(row)]
        known = [cost for cost in costs if cost is not None]
        if known and len(known) == len(costs):
            words.append(usd(sum(known)))
        return ", ".join(words)

    @property
    def rest(self) -> str:
        """What is not shown, in words; empty when everything is."""
        hidden = len(self.rows) - len(self.shown)
        if not hidden:
            return ""
        failed = sum(row.failed for row in self.rows) - sum(row.failed for row in self.shown)
        return f"{hidden:,} more not shown" + (f", {failed:,} of them failed" if failed else "")

    def fitting(self, room: int, gap: int) -> dict[Column, int]:
        """Return the columns, the first of which matter most, for which there is room.

        All lengths are in characters; the values are the columns' widths, without the gap.
        """
        widths = {}
        for column in self.columns:
            cells = [column.title, *(column.cell(row) for row in self.shown)]
            width = max(len(cell) for cell in cells)
            room -= width + gap
            if room < 0:
                break
            widths[column] = width
        return widths

    @property
    def longest_name(self) -> int:
        """Characters on a terminal that the longest name takes."""
        names = [row.name for row in self.shown] + ([AT_ONCE] if self.rest else [])
        return max(map(cell_len, names), default=0)

    def reasons(self) -> dict[str, list[str]]:
        """Return why branches failed, with the names of those that failed so."""
        reasons: dict[str, list[str]] = {}
        for row in self.rows:
            if row.reason:
                reasons.setdefault(row.reason, []).append(row.name)
        return reasons

    def together(self) -> list[tuple[float, int]]:
        """Return from which second on how many branches ran at once."""
        changes: dict[float, int] = {}
        for row in self.rows:
            for piece in row.part["pieces"] if row.is_branch else ():
                changes[piece["start_s"]] = changes.get(piece["start_s"], 0) + 1
                changes[piece["end_s"]] = changes.get(piece["end_s"], 0) - 1
        moments = sorted(changes)
        running = accumulate(changes[moment] for moment in moments)
        return list(zip(moments, running, strict=True))

    @property
    def peak(self) -> int:
        """The most branches that ran at once."""
        return max((number for _, number in self.together()), default=0)


def chart(report: Report, detail: Detail | None = None) -> Chart:
    """Arrange a report; of many branches only the failed and the longest are to be shown."""
    timing: Timing = report["timing"]
    parts = detail["branches"] if detail else {}
    nodes = detail["nodes"] if detail else {}
    rows = [
        *(
            Row(plain(b["name"], 60), parts.get(b["name"]) or _part(b), True, _reason(report, b))
            for b in timing["branches"]
        ),
        *(Row(name, part, is_branch=False, reason="") for name, part in nodes.items()),
    ]
    rows.sort(key=lambda row: row.part["start_s"])
    return Chart(
        title=plain(report["workflow"], 60),
        status=plain(report["status"], 20),
        model=plain(report["model"], 60),
        thread=plain(report["thread_id"], 60),
        timing=timing,
        rows=rows,
        shown=_choose(rows),
        columns=[column for column in COLUMNS if any(column.tells(row) for row in rows)],
    )


def ticks(length: float, most: int = 6) -> list[float]:
    """Return the round seconds at which an axis of this length is marked, from 0 on."""
    if length <= 0:
        return [0.0]
    step = next(step for step in _steps(length / most) if length / step <= most)
    return [step * index for index in range(math.floor(length / step + 1e-9) + 1)]


def tick(moment: float, length: float) -> str:
    """Return the label of one tick on an axis of this length."""
    if length < 120:
        return f"{round(moment, 9):g} s"
    minutes, rest = divmod(round(moment), 60)
    return f"{minutes}:{rest:02}"


def _steps(least: float) -> list[float]:
    if least < 20:
        power: float = 10.0 ** math.floor(math.log10(least))
        return [power, 2 * power, 5 * power, 10 * power]
    return [30, 60, 120, 300, 600, *(1200.0 * 2**power for power in range(60))]


def _part(branch: BranchTiming) -> Part:
    whole: Piece = {
        "start_s": branch["start_s"],
        "end_s": branch["end_s"],
        "status": branch["status"],
        "step": None,
    }
    return {**branch, "pieces": [whole], "calls": 0, "first_token_s": None}


def _reason(report: Report, branch: BranchTiming) -> str:
    failure = report["failures"].get(branch["name"])
    if branch["status"] != "failed" or not failure:
        return ""
    return plain(f"{failure['error_type']}: {failure['message']}")


def _choose(rows: Sequence[Row]) -> Sequence[Row]:
    longest = sorted((row for row in rows if row.is_branch), key=lambda row: -row.time)
    if len(longest) <= MOST_ROWS:
        return rows
    # The longest keep half of the room, however many failed.
    failed = [row for row in longest if row.failed][: MOST_ROWS // 2]
    others = [row for row in longest if row not in failed][: MOST_ROWS - len(failed)]
    return [row for row in rows if not row.is_branch or row in failed or row in others]
