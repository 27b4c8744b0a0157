"""The short form of `make torture`, and that torture notices what it is there to notice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import torture_count
from support.cli import ROOT
from support.forked import Forker
from support.torture_batch import PARTS, TOPICS, BatchTrial
from support.torture_count import (
    BROKEN_PROMISES,
    DIFFERENT,
    EXECUTED,
    ROWS,
    UNFINISHED,
    Outcome,
    Process,
    Tally,
    completions,
    repeated,
)
from support.torture_faults import server
from support.torture_patterns import PATTERNS, run_fault_free
from support.torture_thread import ThreadTrial
from support.torture_trial import Place
from support.work_log import Event
from torture import Torture, generate


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with Forker() as forker:
        yield forker


@pytest.fixture(scope="module")
def fault_free() -> dict[str, Any]:
    """Results of the fault-free runs, which both databases share."""
    return {}


EARLY = {"sqlite": 530, "postgresql": 739}
"""Seeds that kill soon after a process begins to work, so that a fast machine is not too fast."""


@pytest.mark.parametrize("database", EARLY)
def test_nothing_is_lost_or_repeated_under_random_kills(
    database: str, forker: Forker, tmp_path: Path, fault_free: dict[str, Any]
) -> None:
    seed, every = EARLY[database], len(PATTERNS)
    torture = Torture(forker, tmp_path, database, seed, trials=every, kills_each=1)
    torture.fault_free = fault_free
    tally = torture.run()
    assert tally.sound(), tally.stories()
    assert all(tally.counts[pattern]["trials"] == 1 for pattern in PATTERNS)
    assert tally.total("kills") >= every // 2
    assert tally.total("requests to the model") > 60
    assert tally.table(list(PATTERNS)).count("\n") > 20


def test_the_page_of_each_database_is_complete_and_the_readme_tells_its_totals() -> None:
    page = (ROOT / "docs" / "torture.md").read_text()
    readme = generate.torture_table(page).splitlines()[2:]
    assert set(generate.TOLD) <= set(ROWS)
    assert [line.split(" | ")[0].strip("| ") for line in readme] == list(generate.TOLD)
    for name in ROWS:
        assert page.count(f"| {name} |") == 2, name
    for name in BROKEN_PROMISES:
        assert f"| {name} | 0 | 0 |" in "\n".join(readme)


def test_a_run_writes_the_table_of_its_own_database_only() -> None:
    said = {"sqlite": "old", "postgresql": "kept"}
    page = "".join(f"<!-- {name} -->\n{old}\n<!-- /{name} -->\n" for name, old in said.items())
    assert generate.with_block("sqlite", "new", page) == page.replace("old", "new")


class Sabotaged(ThreadTrial):
    """A run of four branches, by a program that is broken on purpose."""

    program = "support.torture_sabotage"

    def __init__(self, sabotage: str, forker: Forker, directory: Path, *, kills: int = 0) -> None:
        place = Place(forker, directory, str(directory / "braid.sqlite"))
        order = {"branches": ["a", "b", "c", "d"]}
        super().__init__("branches", order, 0, place, 0)
        self.kills_wanted = kills
        self.order["sabotage"] = sabotage

    def ordered(self, do: str) -> dict[str, Any]:
        """Let the branch b hang in a process that is to be killed."""
        hanging = ["b"] if self.kills < self.kills_wanted else []
        return {**super().ordered(do), "hang": hanging}

    def chance(self, what: str) -> random.Random:
        """Leave nothing to chance: kill at work, never while it starts."""
        chance = super().chance(what)
        chance.random = lambda: 0.5  # type: ignore[method-assign]
        return chance

    def after_first_request(self, chance: random.Random) -> float:
        return 0.6


@pytest.fixture(scope="module")
def branches_result(forker: Forker, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run_fault_free("branches", forker, tmp_path_factory.mktemp("fault_free"))


def tallied(outcome: Outcome) -> Tally:
    tally = Tally()
    tally.add(outcome)
    return tally


@pytest.mark.parametrize(
    ("sabotage", "broken"), [("twice", EXECUTED), ("forge", DIFFERENT), ("crash", UNFINISHED)]
)
def test_a_broken_program_is_noticed(
    sabotage: str, broken: str, forker: Forker, tmp_path: Path, branches_result: Any
) -> None:
    tally = tallied(Sabotaged(sabotage, forker, tmp_path).run(lambda _: branches_result))
    assert tally.total(broken) >= 1
    assert not tally.sound()
    assert tally.stories()


def test_a_database_that_forgets_is_noticed(
    forker: Forker, tmp_path: Path, branches_result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torture_count, "LONGEST_WINDOW", 0.1)  # as if it had been killed later
    outcome = Sabotaged("forget", forker, tmp_path, kills=1).run(lambda _: branches_result)
    assert outcome.kills == 1
    assert repeated(outcome.history).executed == ["a"]
    assert not tallied(outcome).sound()


def line(number: int, **changes: Any) -> dict[str, Any]:
    """Return a line of a batch's results, right unless it is changed."""
    topic = TOPICS[number - 1]
    output = {"topic": topic, "kit": {part: f"{part} of {topic}" for part in PARTS}}
    right = {"input": {"topic": topic}, "line": number, "status": "complete", "output": output}
    return {**right, "failures": {}, **changes}


FAILURE = {"title": {"error_type": "Refused", "message": "no", "attempts": 3}}


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ([line(2), line(1)], []),
        ([line(1)], ["the lines are [1]"]),
        ([line(1), line(2), line(2)], ["the lines are [1, 2, 2]"]),
        ([line(1), line(2, input={"topic": "tea"})], ["line 2, input: {'topic': 'tea'}"]),
        ([line(1), line(2, output={})], ["line 2, output: {}"]),
        ([line(1), line(2, status="aborted")], ["line 2, status: aborted"]),
    ],
)
def test_a_line_that_is_lost_doubled_or_changed_is_noticed(
    lines: list[Any], wrong: list[str], forker: Forker, tmp_path: Path
) -> None:
    trial = BatchTrial("batch", 0, Place(forker, tmp_path, ""), 0)
    with server(dict(trial.labels), trial.faults) as trial.server:
        assert trial.differences(lines, [line(1), line(2)]) == wrong


def test_a_part_that_failed_without_a_fault_of_the_model_is_noticed(
    forker: Forker, tmp_path: Path
) -> None:
    trial = BatchTrial("batch", 0, Place(forker, tmp_path, ""), 0)
    kit = {part: f"{part} of tea" for part in PARTS if part != "title"}
    partial = line(1, status="partial", failures=FAILURE, output={"topic": "tea", "kit": kit})
    with server(dict(trial.labels), trial.faults) as trial.server:
        [complaint] = trial.differences([partial], [line(1)])
    assert complaint.startswith("tea/title failed without reason")


def process(
    *events: Event, asked: str = "", killed_at: float | None = None, kept: str = ""
) -> Process:
    return Process(events, asked.split(), killed_at, frozenset(kept.split()))


def begun(work: str) -> Event:
    return Event(work)


def ended(work: str, at: float) -> Event:
    return Event(work, at)


def test_work_that_was_cut_off_may_begin_again() -> None:
    first = process(begun("a"), begun("b"), ended("b", 1), killed_at=2, kept="b")
    again = repeated([first, process(begun("a"), ended("a", 3), asked="a", kept="a b")])
    assert (again.executed, again.requested, again.in_window) == ([], [], [])


def test_committed_work_that_begins_again_is_counted() -> None:
    first = process(begun("a"), ended("a", 1), killed_at=2, kept="a")
    again = repeated([first, process(begun("a"), asked="a a", kept="a")])
    assert (again.executed, again.requested) == (["a"], ["a", "a"])


def test_work_killed_before_its_commit_is_counted_apart_and_once() -> None:
    first = process(begun("a"), ended("a", 1.5), killed_at=2)
    second = process(begun("a"), begun("a"), ended("a", 3), kept="a")
    again = repeated([first, second])
    assert (again.executed, again.in_window) == ([], [("a", 0.5)])


def test_work_that_is_not_committed_long_after_it_ended_is_lost() -> None:
    first = process(begun("a"), ended("a", 1), killed_at=1 + 2 * torture_count.LONGEST_WINDOW)
    assert repeated([first, process(begun("a"))]).executed == ["a"]


def test_work_that_is_not_committed_by_a_process_that_ended_is_lost() -> None:
    first = process(begun("a"), ended("a", 1))
    assert repeated([first, process(begun("a"))]).executed == ["a"]


def test_work_that_begins_twice_in_one_process_is_counted() -> None:
    events = (begun("a"), ended("a", 1), begun("a"), ended("a", 2))
    assert repeated([process(*events, kept="a")]).executed == ["a"]


def test_an_aggregator_that_was_lost_in_the_window_does_not_count() -> None:
    first = process(begun("aggregate"), ended("aggregate", 1.9), killed_at=2)
    second = process(begun("aggregate"), ended("aggregate", 3), kept="aggregate")
    assert completions([first, second]) == {"aggregate": 1}
    assert completions([first, second, second]) == {"aggregate": 2}
