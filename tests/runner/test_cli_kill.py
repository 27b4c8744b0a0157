"""`braid run` killed with SIGKILL, and `braid resume`: counted at the model server."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cli import Cli, Running
from support.openai_server import OpenAIServer, Status

SIDES = {"technical": "technical soundness", "business": "business value", "legal": "legal safety"}


@pytest.fixture
def reviewers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels = SIDES
    return openai_server


def start(braid: Cli, server: OpenAIServer, *options: str) -> Running:
    arguments = ("run", "document_review", "--thread", "t", "--json", *options)
    return braid.start(*arguments, env=server.env)


def wait_until_kept(directory: Path, count: int) -> None:
    """Wait until the results of `count` branches are committed with their checkpoint."""
    both = "writes JOIN checkpoints USING (thread_id, checkpoint_ns, checkpoint_id)"
    query = f"SELECT count(*) FROM {both} WHERE channel = 'max_score'"

    def kept() -> bool:
        try:
            with sqlite3.connect(f"file:{directory}/braid.sqlite?mode=ro", uri=True) as db:
                return int(db.execute(query).fetchone()[0]) >= count
        except sqlite3.OperationalError:
            return False

    wait(kept)


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("options", [(), ("--max-parallel", "2")])
def test_no_finished_branch_asks_the_model_again(
    braid: Cli, reviewers: OpenAIServer, tmp_path: Path, options: tuple[str, ...]
) -> None:
    # With two slots the third branch starts when one of the others has ended.
    reviewers.hold("technical")
    run = start(braid, reviewers, *options)
    reviewers.wait_for("technical")
    wait_until_kept(tmp_path, 2)
    run.kill()
    reviewers.release()
    result = braid("resume", "t", "--json", env=reviewers.env)
    assert result.status == 0, result.err
    report = result.json
    assert report["status"] == "complete"
    assert reviewers.counts == {"technical": 2, "business": 1, "legal": 1}
    assert {branch["name"] for branch in report["timing"]["branches"]} == set(SIDES)
    assert report["timing"]["wall_s"] > 0


def test_two_kills_in_a_row(braid: Cli, reviewers: OpenAIServer, tmp_path: Path) -> None:
    reviewers.hold("technical", "legal")
    run = start(braid, reviewers)
    reviewers.wait_for("technical")
    reviewers.wait_for("legal")
    wait_until_kept(tmp_path, 1)
    run.kill()
    reviewers.release("legal")
    again = braid.start("resume", "t", "--json", env=reviewers.env)
    reviewers.wait_for("technical", 2)
    wait_until_kept(tmp_path, 2)
    again.kill()
    reviewers.release()
    result = braid("resume", "t", "--json", env=reviewers.env)
    assert result.json["status"] == "complete"
    assert reviewers.counts == {"technical": 3, "business": 1, "legal": 2}


def test_a_finished_thread_is_told_again_and_asks_nobody(
    braid: Cli, reviewers: OpenAIServer
) -> None:
    first = start(braid, reviewers).wait()
    told = braid("resume", "t", "--json", env=reviewers.env)
    assert (first.status, told.status) == (0, 0)
    assert told.json["output"] == first.json["output"]
    assert reviewers.counts == dict.fromkeys(SIDES, 1)


def test_retry_completes_a_finished_partial_run(braid: Cli, reviewers: OpenAIServer) -> None:
    reviewers.script("legal", Status(400))
    first = start(braid, reviewers).wait()
    assert (first.status, first.json["status"]) == (0, "partial")
    result = braid("resume", "t", "--retry", "--json", env=reviewers.env)
    assert result.json["status"] == "complete"
    assert reviewers.counts == {"technical": 1, "business": 1, "legal": 2}


@pytest.mark.parametrize(
    ("decision", "status", "code"),
    [("--retry", "complete", 0), ("--accept", "partial", 0), ("--abort", "aborted", 1)],
)
def test_a_pause_is_answered_by_another_process(
    braid: Cli, reviewers: OpenAIServer, decision: str, status: str, code: int
) -> None:
    reviewers.script("legal", Status(400))
    reviewers.script("business", Status(400))
    paused = start(braid, reviewers).wait()
    assert (paused.status, paused.json["status"]) == (3, "paused")
    assert set(paused.json["failures"]) == {"legal", "business"}
    result = braid("resume", "t", decision, "--json", env=reviewers.env)
    assert (result.status, result.json["status"]) == (code, status)
    again = 2 if decision == "--retry" else 1
    assert reviewers.counts == {"technical": 1, "business": again, "legal": again}


def test_a_second_process_on_the_thread_is_refused_and_the_first_goes_on(
    braid: Cli, reviewers: OpenAIServer, tmp_path: Path
) -> None:
    reviewers.hold("legal")
    run = start(braid, reviewers)
    reviewers.wait_for("legal")
    for arguments in (("resume", "t"), ("run", "document_review", "--thread", "t")):
        refused = braid(*arguments, env=reviewers.env)
        assert refused.status in (1, 2)
        assert len(refused.err.strip().splitlines()) == 1, refused.err
    wait_until_kept(tmp_path, 2)
    run.kill()
    reviewers.release()
    assert braid("resume", "t", "--json", env=reviewers.env).json["status"] == "complete"


def test_the_key_is_in_no_file_and_no_output(
    braid: Cli, reviewers: OpenAIServer, tmp_path: Path
) -> None:
    reviewers.script("legal", Status(401, message="Incorrect API key: sk-test-canary-key"))
    result = start(braid, reviewers, "--timeline", "t.html").wait()
    assert result.json["failures"]["legal"]["error_type"]
    told = braid("resume", "t", env=reviewers.env)
    doctor = braid("doctor", env=reviewers.env)
    texts = [result.out, result.err, told.out, told.err, doctor.out, doctor.err]
    assert not any("sk-test-canary-key" in text for text in texts)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert b"sk-test-canary-key" not in path.read_bytes(), path.name
