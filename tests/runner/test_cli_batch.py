"""`braid batch`: every input once, whatever happens on the way."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.here import Here
from support.openai_server import OpenAIServer, Status

REFUSED = Status(400, message="no")
LINE = {"input", "line", "thread_id", "status", "output", "failures"}
TOPICS = ("tea", "rain", "bread", "snow", "salt", "moss")


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Six topics, and four lines that are none."""
    good = [json.dumps({"topic": topic}, ensure_ascii=False) for topic in TOPICS]
    bad = ['{"topic": ', '{"topc": "x"}', "[]", '{"topic": "\udcff"}']
    path = tmp_path / "in.jsonl"
    text = "\n".join([*good[:3], "", *bad, *good[3:]])  # no newline at the end
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def whole(line: str) -> bool:
    return line.endswith("\n")


def results(run: Cli | Here) -> list[Any]:
    lines = (run.directory / "out.jsonl").read_text().splitlines(keepends=True)
    return sorted(map(json.loads, filter(whole, lines)), key=lambda line: line["line"])


BATCH = ("batch", "creative_trio", "in.jsonl", "--out", "out.jsonl")


def test_every_good_line_gets_a_result_and_every_bad_one_is_named(here: Here, inputs: Path) -> None:
    told = here(*BATCH)
    assert told.status == 2
    assert [line["line"] for line in results(here)] == [1, 2, 3, 9, 10, 11]
    assert [line["input"]["topic"] for line in results(here)] == list(TOPICS)
    assert all(line.keys() == LINE for line in results(here))
    assert all(line["output"]["combined_output"] for line in results(here))
    for number in (5, 6, 7, 8):
        assert f"in.jsonl, line {number}" in told.err
    assert "10 lines: 4 bad, 6 complete" in told.out


def test_a_second_start_repeats_nothing(here: Here, server: OpenAIServer, inputs: Path) -> None:
    here(*BATCH)
    before = (here.directory / "out.jsonl").read_bytes()
    asked = server.counts.total()
    assert here(*BATCH).status == 2
    assert (here.directory / "out.jsonl").read_bytes() == before
    assert server.counts.total() == asked == 18


def test_after_kill_9_a_second_start_finishes_without_repeating(
    braid: Cli, server: OpenAIServer, inputs: Path
) -> None:
    server.labels = {topic: topic for topic in TOPICS}
    server.hold("bread", "snow")
    running = braid.start(*BATCH, "--concurrency", "3")
    for topic in ("bread", "snow"):
        server.wait_for(topic, 3)
    while len(results(braid)) < 4:
        assert running.process.poll() is None
        time.sleep(0.01)
    running.kill()
    path = braid.directory / "out.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    server.release()
    assert braid(*BATCH).status == 2
    assert [line["input"]["topic"] for line in results(braid)] == list(TOPICS)
    assert all(line["status"] == "complete" for line in results(braid))
    once, twice = dict.fromkeys(("tea", "rain", "salt", "moss"), 3), {"bread": 6, "snow": 6}
    assert server.counts == {**once, **twice}


def test_ctrl_c_keeps_what_is_finished(braid: Cli, server: OpenAIServer, inputs: Path) -> None:
    server.labels = {topic: topic for topic in TOPICS}
    server.hold("moss")
    running = braid.start(*BATCH)
    server.wait_for("moss", 3)
    server.wait_for("salt", 3, outcome="answered")
    running.send(signal.SIGINT)
    told = running.wait()
    assert told.status == 1
    assert "the same command goes on" in told.err
    server.release()
    braid(*BATCH)
    assert [line["input"]["topic"] for line in results(braid)] == list(TOPICS)


def test_what_failed_is_told_and_tried_again(
    here: Here, server: OpenAIServer, tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_text('{"topic": "tea"}\n')
    server.script("synthesis", REFUSED)
    batch = ("batch", "topic_explorer", "in.jsonl", "--out", "out.jsonl")
    told = here(*batch)
    assert told.status == 1
    assert "line 1 failed: OpenAIInvalidRequestError" in told.err
    assert results(here)[0]["status"] == "failed"
    assert here(*batch).status == 0
    [line] = results(here)
    assert line["status"] == "complete"
    assert server.counts["synthesis"] == 2
    assert server.counts["other"] == 3


def test_a_paused_input_is_answered_and_then_counted(
    here: Here, server: OpenAIServer, tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_text('{"document": "tea"}\n')
    server.script("legal", REFUSED)
    server.script("business", REFUSED)
    batch = ("batch", "document_review", "in.jsonl", "--out", "out.jsonl")
    assert here(*batch).status == 3
    [line] = results(here)
    assert line["status"] == "paused"
    assert here("resume", line["thread_id"], "--accept").status == 0
    assert here(*batch).status == 0
    assert results(here)[0]["status"] == "partial"
    assert server.counts.total() == 3


def test_concurrency_is_a_limit(braid: Cli, server: OpenAIServer, inputs: Path) -> None:
    server.hold("*")
    running = braid.start(*BATCH, "--concurrency", "2")
    server.wait_for("other", 6)  # three branches of each of two runs
    server.release()
    assert running.wait().status == 2
    assert server.peak == 6


def test_two_batches_do_not_write_to_one_file(
    braid: Cli, server: OpenAIServer, inputs: Path
) -> None:
    server.hold("*")
    running = braid.start(*BATCH)
    server.wait_for("other")
    told = braid(*BATCH)
    assert told.status == 1
    assert "Another batch is writing to out.jsonl" in told.err
    server.release()
    assert running.wait().status == 2
    assert len(results(braid)) == 6


def test_a_file_that_is_no_result_is_left_alone(here: Here, inputs: Path) -> None:
    (here.directory / "out.jsonl").write_text("precious\n")
    told = here(*BATCH)
    assert told.status == 2
    assert "is not a result of a batch" in told.err
    assert (here.directory / "out.jsonl").read_text() == "precious\n"
