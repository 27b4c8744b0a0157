"""Nothing finished is paid for twice: through SIGKILL, limits, chunks, failures and decisions.

Every run goes through processes of its own, on a SQLite file.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli, Running


class Thread:
    """One thread of the toy workflow, worked on by one process after another."""

    def __init__(self, directory: Path) -> None:
        self.db, self.log = directory / "braid.sqlite", directory / "log"
        self.log.touch()
        self.cli = Cli(directory)

    def start(self, do: str, **order: Any) -> Running:
        text = json.dumps({"do": do, **order})
        program = ("-m", "support.thread_program", str(self.db), "t", str(self.log), text)
        return self.cli.start_python(*program)

    def do(self, do: str, **order: Any) -> Any:
        result = self.start(do, **order).wait()
        assert result.status == 0, result.err
        return result.json

    def calls(self) -> Counter[str]:
        """Count how often each branch, step or item was started."""
        names = [line for line in self.log.read_text().split("\n") if line.isalnum()]
        return Counter(name for name in names if name != "aggregate")

    def wait(self, condition: Any, what: str) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.005)

    def stored(self, channel: str) -> int:
        """Count the writes to a channel that are committed together with their checkpoint."""
        try:
            with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True) as db:
                both = "writes JOIN checkpoints USING (thread_id, checkpoint_ns, checkpoint_id)"
                query = f"SELECT count(*) FROM {both} WHERE channel = ?"
                return int(db.execute(query, (channel,)).fetchone()[0])
        except sqlite3.OperationalError:
            return 0

    def kill_when_stored(
        self, running: Running, channel: str, count: int, started: str, times: int = 1
    ) -> None:
        """Kill once `count` writes are committed and `started` runs, for the nth time."""
        self.wait(lambda: self.calls()[started] >= times and self.stored(channel) >= count, channel)
        running.kill()


@pytest.fixture
def thread(tmp_path: Path) -> Thread:
    return Thread(tmp_path)


@pytest.mark.parametrize("limit", [{}, {"max_parallel": 2}, {"max_parallel": 1}])
def test_a_killed_run_repeats_no_finished_branch(thread: Thread, limit: dict[str, int]) -> None:
    run = thread.start("run", hang=["s1"], **limit)
    thread.kill_when_stored(run, "top", 2, "s1")
    result = thread.do("continue", **limit)
    assert thread.calls() == {"a": 1, "b": 1, "s1": 2, "s2": 1}
    assert sorted(result["out"]) == ["a", "b", "s1", "s2"]
    assert result["status"] == "complete"


def test_a_kill_in_step_two_does_not_repeat_step_one(thread: Thread) -> None:
    run = thread.start("run", hang=["s2"])
    thread.wait(lambda: thread.stored("branch:to:s2") >= 1, "step one")
    thread.kill_when_stored(run, "top", 2, "s2")
    thread.do("continue")
    assert thread.calls() == {"a": 1, "b": 1, "s1": 1, "s2": 2}


def test_two_kills_in_a_row(thread: Thread) -> None:
    run = thread.start("run", hang=["s1", "b"])
    thread.kill_when_stored(run, "top", 1, "s1")
    again = thread.start("continue", hang=["s2"])
    thread.wait(lambda: thread.stored("branch:to:s2") >= 1, "step one")
    thread.kill_when_stored(again, "top", 2, "s2")
    result = thread.do("continue")
    assert thread.calls() == {"a": 1, "b": 2, "s1": 2, "s2": 2}
    assert sorted(result["out"]) == ["a", "b", "s1", "s2"]


def test_a_retry_after_step_two_failed_for_good_starts_at_step_two(thread: Thread) -> None:
    paused = thread.do("run", broken=["s2"])
    assert paused["paused"][0]["failures"]["two"]["step"] == "s2"
    result = thread.do("retry")
    assert thread.calls() == {"a": 1, "b": 1, "s1": 1, "s2": 2}
    assert sorted(result["out"]) == ["a", "b", "s1", "s2"]


def test_a_kill_during_a_retry_round_repeats_only_what_was_running(thread: Thread) -> None:
    thread.do("run", broken=["b", "s2"])
    retry = thread.start("retry", hang=["s2"])
    thread.kill_when_stored(retry, "top", 2, "s2", times=2)
    result = thread.do("continue")
    assert thread.calls() == {"a": 1, "b": 2, "s1": 1, "s2": 3}
    assert result["status"] == "complete"


FAILING = {"one": ["b"], "some": ["a", "s2"], "all": ["a", "b", "s1"]}


@pytest.mark.parametrize("failing", FAILING)
@pytest.mark.parametrize("action", ["retry", "accept", "abort"])
def test_every_decision_works_in_another_process(thread: Thread, failing: str, action: str) -> None:
    broken = FAILING[failing]
    [question] = thread.do("run", broken=broken)["paused"]
    assert len(question["failures"]) == len(broken)
    if action not in question["actions"]:
        assert (failing, action) == ("all", "accept")
        return
    before = thread.calls()
    result = thread.do(action)
    after = thread.calls() - before
    if action == "retry":
        repeated = {"one": {"b"}, "some": {"a", "s2"}, "all": {"a", "b", "s1", "s2"}}[failing]
        assert set(after) == repeated
        assert (result["status"], result["total"]) == ("complete", 4)
    else:
        assert not after
        assert result["status"] == {"accept": "partial", "abort": "aborted"}[action]
    assert result["paused"] == []


@pytest.mark.parametrize("failing", FAILING)
def test_a_run_that_raised_is_continued_by_another_process(thread: Thread, failing: str) -> None:
    broken = FAILING[failing]
    raised = thread.do("run", broken=broken, on_shortfall="raise")["raised"]
    for name in broken:
        assert f"{name} is broken" in raised
    before = thread.calls()
    assert "raised" in thread.do("continue", broken=broken, on_shortfall="raise")
    result = thread.do("continue", on_shortfall="raise")
    repeated = set(thread.calls() - before)
    assert repeated == {"one": {"b"}, "some": {"a", "s2"}, "all": {"a", "b", "s1", "s2"}}[failing]
    assert (result["status"], result["total"]) == ("complete", 4)


def test_a_finished_partial_run_is_completed_by_another_process(thread: Thread) -> None:
    assert thread.do("run", broken=["a", "s2"], quorum=1)["status"] == "partial"
    result = thread.do("again", quorum=1)
    assert thread.calls() == {"a": 2, "b": 1, "s1": 1, "s2": 2}
    assert (result["status"], result["total"]) == ("complete", 4)


@pytest.mark.parametrize("chunk_size", [1, 4, 40])
def test_a_killed_map_repeats_no_finished_item(thread: Thread, chunk_size: int) -> None:
    hanging = [str(number) for number in range(30, 40)]
    order: dict[str, Any] = {"items": 40, "chunk_size": chunk_size}
    run = thread.start("run", hang=hanging, **order)
    thread.wait(lambda: all(thread.calls()[name] for name in hanging), "all items")
    kept = "items" if chunk_size == 40 else "top"
    # Items that finish in one turn of the event loop share a write.
    enough = {1: 30, 4: 7, 40: 1}[chunk_size]
    thread.wait(lambda: thread.stored(kept) >= enough, "the finished items")
    if chunk_size == 4:  # the eighth chunk holds two finished items and two that hang
        thread.wait(lambda: thread.stored("items") >= 1, "the items of the mixed chunk")
    run.kill()
    result = thread.do("continue", **order)
    assert sorted(map(int, result["out"])) == list(range(40))
    assert {name for name, count in thread.calls().items() if count > 1} == set(hanging)


def test_the_limit_is_kept_after_a_resume(thread: Thread) -> None:
    order: dict[str, Any] = {"items": 12, "chunk_size": 3, "max_parallel": 2}
    run = thread.start("run", hang=["5"], **order)
    thread.wait(lambda: thread.calls()["11"] and "11 done" in thread.log.read_text(), "the rest")
    run.kill()
    result = thread.do("continue", **order)
    assert result["total"] == 12
