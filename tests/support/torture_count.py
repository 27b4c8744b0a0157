"""What is counted under torture: finished work that ran again, and what became of the runs."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.torture_faults import KINDS
from support.work_log import Event

from state import open_checkpointer
from state.database import locate

LONGEST_WINDOW = 1.0
"""Seconds. What had been finished for longer when its process was killed, and was not committed,
is lost and not late."""


@dataclass(frozen=True)
class Kept:
    """What the database has: the work that succeeded, and the aggregators, by run."""

    works: frozenset[str] = frozenset()
    aggregated: Counter[str] = field(default_factory=Counter)
    begun: bool = False


@dataclass(frozen=True)
class Process:
    """What one process did, and what was committed when it was gone."""

    events: Sequence[Event]
    asked: Sequence[str]
    """The work of each request that the model got from it."""
    killed_at: float | None
    """Unix time; None: it ended by itself."""
    kept: frozenset[str]


@dataclass
class Repeated:
    """Work that was finished and began again."""

    executed: list[str] = field(default_factory=list)
    """Though it was committed, or its process went on long enough for that."""
    requested: list[str] = field(default_factory=list)
    """Asked of the model again, though it was committed."""
    in_window: list[tuple[str, float]] = field(default_factory=list)
    """Killed that many seconds after its last line, before its commit."""


def repeated(history: Sequence[Process]) -> Repeated:
    """Find what began again in the history of a run, or of a batch."""
    found, kept, lost = Repeated(), frozenset[str](), dict[str, float]()
    for process in history:
        found.requested += [work for work in process.asked if work in kept]
        finished: dict[str, float] = {}
        for event in process.events:
            if event.finished_at is not None:
                finished[event.work] = event.finished_at
            elif event.work in kept or event.work in finished:
                found.executed.append(event.work)
            elif event.work in lost:
                _began_again(event.work, lost.pop(event.work), found)
        kept |= process.kept
        end = math.inf if process.killed_at is None else process.killed_at
        lost |= {work: end - at for work, at in finished.items() if work not in kept}
    return found


def _began_again(work: str, window: float, found: Repeated) -> None:
    if window <= LONGEST_WINDOW:
        found.in_window.append((work, max(0.0, window)))
    else:
        found.executed.append(work)


def completions(history: Sequence[Process]) -> Counter[str]:
    """Count how often each aggregator came to its last line and was not lost after that."""
    ends = Counter(
        event.work
        for process in history
        for event in process.events
        if event.finished_at is not None and event.work.endswith("aggregate")
    )
    return ends - Counter(work for work, _ in repeated(history).in_window)


async def read_kept(url: str) -> Kept:
    """Read all that a database has committed; each run of a batch goes by its topic."""
    place = locate(url)
    if isinstance(place, Path) and not place.exists():
        return Kept()
    aggregated: set[tuple[str, float]] = set()
    works: set[str] = set()
    topics: dict[str, str] = {}
    spans: defaultdict[str, list[Any]] = defaultdict(list)
    async with open_checkpointer(url) as saver:
        async for found in saver.alist(None):
            thread, values = found.config["configurable"]["thread_id"], found.checkpoint
            topics[thread] = values["channel_values"].get("topic") or topics.get(thread, "")
            spans[thread] += _spans(found.pending_writes or (), values["channel_values"])
    for thread, all_of_it in spans.items():
        run = topics[thread]
        for span in all_of_it:
            name = span.get("step") or span["name"]
            works.add(f"{run}/{name}" if run else name)
            if span["name"] == "aggregate":
                aggregated.add((run, span["start"]))
    return Kept(frozenset(works), Counter(run for run, _ in aggregated), bool(topics))


def _spans(writes: Any, values: dict[str, Any]) -> Iterator[Any]:
    """Yield the spans of what succeeded: written by a task, an item of a chunk, or taken over."""
    lists = [values.get("spans")]
    for _, channel, value in writes:
        lists += [value] if channel == "spans" else []
        lists += [update["spans"] for update in value.values()] if channel == "items" else []
    for each in lists:
        if isinstance(each, list):
            yield from (span for span in each if span["status"] == "ok")


@dataclass
class Outcome:
    """What became of one trial."""

    seed: int
    pattern: str
    kills: int
    history: Sequence[Process]
    requests: Counter[str]
    """By the work that they were for."""
    faults: Counter[str]
    decisions: Counter[str]
    unfinished: str = ""
    """What kept it from its end."""
    not_once: bool = False
    """Whether some aggregator did not complete and commit exactly once."""
    different: str = ""
    """Where its result is another than it should be."""

    def row(self) -> Counter[str]:
        """Return the counts under the names of the report."""
        again = repeated(self.history)
        return Counter(
            {
                "trials": 1,
                "kills": self.kills,
                "processes": len(self.history),
                "requests to the model": self.requests.total(),
                **{f"requests {kind}": self.faults[kind] for kind in KINDS},
                **{f"pauses answered with {what}": n for what, n in self.decisions.items()},
                UNFINISHED: bool(self.unfinished),
                NOT_ONCE: self.not_once,
                EXECUTED: len(again.executed),
                REQUESTED: len(again.requested),
                IN_WINDOW: len(again.in_window),
                DIFFERENT: bool(self.different),
            }
        )


UNFINISHED = "unfinished runs"
NOT_ONCE = "runs whose aggregator did not complete and commit exactly once"
EXECUTED = "finished work executed again"
REQUESTED = "requests for work that was already committed"
IN_WINDOW = "work killed between its last line and its commit, executed again"
WIDEST = "longest time from such a last line to the kill, in ms"
DIFFERENT = "results that differ from the fault-free run"
BROKEN_PROMISES = (UNFINISHED, NOT_ONCE, EXECUTED, REQUESTED, DIFFERENT)
ROWS = (
    "trials",
    "kills",
    "processes",
    "requests to the model",
    *(f"requests {kind}" for kind in KINDS),
    *(f"pauses answered with {action}" for action in ("retry", "accept", "abort")),
    UNFINISHED,
    NOT_ONCE,
    EXECUTED,
    REQUESTED,
    IN_WINDOW,
    WIDEST,
    DIFFERENT,
)


class Tally:
    """What is counted over all trials, by pattern."""

    def __init__(self) -> None:
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.widest: defaultdict[str, float] = defaultdict(float)
        self.seeds: list[int] = []
        self.troubles: list[Outcome] = []
        self.cut_short = False
        """Whether the time was up before the kills were done."""

    def add(self, outcome: Outcome) -> None:
        """Count a trial."""
        row = outcome.row()
        self.seeds.append(outcome.seed)
        self.counts[outcome.pattern] += row
        windows = [seconds for _, seconds in repeated(outcome.history).in_window]
        self.widest[outcome.pattern] = max([self.widest[outcome.pattern], *windows])
        if any(row[name] for name in BROKEN_PROMISES):
            self.troubles.append(outcome)

    def total(self, name: str) -> int:
        """Return a count over all patterns; of times, the longest."""
        if name == WIDEST:
            return math.ceil(1000 * max(self.widest.values(), default=0))
        return sum(counts[name] for counts in self.counts.values())

    def sound(self) -> bool:
        """Tell whether Braid kept its promises."""
        return bool(self.seeds) and not any(map(self.total, BROKEN_PROMISES))

    def table(self, patterns: Sequence[str]) -> str:
        """Return the counts in Markdown, a column for each pattern and one for all."""
        lines = [f"| | {' | '.join(patterns)} | all |", f"|---|{'---:|' * (len(patterns) + 1)}"]
        for name in ROWS:
            cells = [self._cell(name, pattern) for pattern in patterns]
            lines.append(f"| {name} | {' | '.join(cells)} | {self.total(name):,} |")
        return "\n".join(lines)

    def _cell(self, name: str, pattern: str) -> str:
        if name == WIDEST:
            return f"{math.ceil(1000 * self.widest[pattern]):,}"
        return f"{self.counts[pattern][name]:,}"

    def stories(self) -> str:
        """Say what is wrong with which seed."""
        return "\n".join(
            f"seed {each.seed}, {each.pattern}: {_story(each)}" for each in self.troubles
        )


def _story(outcome: Outcome) -> str:
    again = repeated(outcome.history)
    said = {
        UNFINISHED: outcome.unfinished,
        NOT_ONCE: outcome.not_once,
        EXECUTED: again.executed,
        REQUESTED: again.requested,
        DIFFERENT: outcome.different,
    }
    return "; ".join(f"{what}: {value}" for what, value in said.items() if value)
