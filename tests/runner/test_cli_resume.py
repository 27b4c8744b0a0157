"""`braid resume`: each time a second process goes on where the first one ended."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from support.cli import Cli, Running
from support.here import Here
from support.openai_server import OpenAIServer, Status

from runner.brake import LONGEST_DRAIN

REFUSED = Status(400, message="no")
"""An error that another attempt would not change."""


@pytest.fixture
def cut_off(braid: Cli, server: OpenAIServer) -> Running:
    """A review that waits for its legal branch only."""
    server.hold("legal")
    running = braid.start("run", "document_review", "--thread", "t", "--json")
    for branch in ("technical", "business"):
        server.wait_for(branch, outcome="answered")
    server.wait_for("legal")
    wait_until_kept(braid, 2)
    return running


def wait_until_kept(braid: Cli, branches: int) -> None:
    """Wait until that many branches are in the database."""
    query = "SELECT count(DISTINCT task_id) FROM writes WHERE channel = 'max_score'"
    with closing(sqlite3.connect(f"file:{braid.env['BRAID_DB']}?mode=ro", uri=True)) as database:
        while database.execute(query).fetchone()[0] < branches:
            time.sleep(0.01)


def finish(run: Cli | Here, server: OpenAIServer) -> Any:
    server.release()
    told = run("resume", "t", "--json")
    assert told.status == 0, told.err
    return told.json


def test_ctrl_c_stops_at_once_and_says_how_to_go_on(
    braid: Cli, server: OpenAIServer, cut_off: Running
) -> None:
    cut_off.send(signal.SIGINT)
    told = cut_off.wait()
    assert told.status == 1
    assert told.json["status"] == "failed"
    assert {b["name"] for b in told.json["timing"]["branches"]} == {"technical", "business"}
    assert told.err == "braid: stopped; what had finished is kept: braid resume t\n"
    finish(braid, server)
    assert server.counts == {"technical": 1, "business": 1, "legal": 2}


def test_a_second_signal_stops_at_once(braid: Cli, server: OpenAIServer, cut_off: Running) -> None:
    cut_off.send(signal.SIGTERM)
    cut_off.send(signal.SIGINT)
    assert cut_off.wait(timeout=LONGEST_DRAIN - 1).status == 1
    server.wait_for("legal", outcome="gone")


def test_an_unfinished_thread_takes_no_new_input(
    braid: Cli, server: OpenAIServer, cut_off: Running
) -> None:
    cut_off.kill()
    told = braid("run", "document_review", "--thread", "t")
    assert told.status == 2
    assert "`braid resume t` goes on with it" in told.err
    told = braid("resume", "t", "--accept")
    assert told.status == 2
    assert "is not paused" in told.err


def test_the_limit_of_the_run_holds_for_its_resume(braid: Cli, server: OpenAIServer) -> None:
    server.hold("*")
    running = braid.start("run", "content_kit", "topic=x", "--thread", "t", "--max-parallel", "1")
    server.wait_for("other")
    running.kill()
    server.wait_until_idle()
    assert finish(braid, server)["status"] == "complete"
    assert server.peak == 1


def paused(here: Here, server: OpenAIServer, *failing: str) -> Any:
    for branch in failing:
        server.script(branch, REFUSED)
    told = here("run", "document_review", "--thread", "t", "--json")
    assert told.status == 3
    return told.json


def test_too_few_results_pause_the_run_until_a_fitting_answer(
    here: Here, server: OpenAIServer
) -> None:
    report = paused(here, server, "legal", "business")
    assert (report["status"], report["output"]) == ("paused", {})
    assert report["failures"].keys() == {"legal", "business"}
    [question] = report["interrupts"]
    assert question["value"]["actions"] == ["retry", "accept", "abort"]
    told = here("run", "document_review", "--thread", "t")
    assert told.status == 2
    assert "is paused" in told.err
    assert here("resume", "t", "--answer", '{"action": "perhaps"}').status == 2
    assert here("resume", "t", "--answer", '{"action": "accept"}').status == 0


def test_an_aborted_run_stays_aborted(here: Here, server: OpenAIServer) -> None:
    paused(here, server, "legal", "business")
    for arguments in (["resume", "t", "--abort", "--json"], ["resume", "t", "--json"]):
        told = here(*arguments)
        assert told.status == 1
        assert told.json["status"] == "aborted"
        assert told.json["output"] == {}


def test_nothing_can_be_accepted_where_nothing_succeeded(here: Here, server: OpenAIServer) -> None:
    paused(here, server, "legal", "business", "technical")
    told = here("resume", "t", "--accept")
    assert told.status == 2
    assert "waits for a decision: --retry or --abort" in told.err
    assert finish(here, server)["status"] == "complete"


def test_a_finished_run_is_told_again_and_costs_nothing(here: Here, server: OpenAIServer) -> None:
    first = here("run", "document_review", "--thread", "t", "--json", env={"BRAID_MODEL": "m"})
    for arguments in (["resume", "t"], ["resume", "t", "--retry"]):
        again = here(*arguments, "--json")
        assert again.status == 0
        for part in ("status", "output", "failures", "model"):
            assert again.json[part] == first.json[part]
    assert server.counts.total() == 3


def test_a_failed_aggregator_is_resumed_alone(here: Here, server: OpenAIServer) -> None:
    server.script("synthesis", REFUSED)
    assert here("run", "topic_explorer", "topic=tea", "--thread", "t").status == 1
    asked = server.counts.total()
    assert finish(here, server)["output"]["synthesis"]
    assert server.counts.total() == asked + 1


UNDECIDED = ["text=I hate this stupid idiot", "least_agreement=1", "--thread", "t"]


def test_a_wrong_answer_leaves_the_question_open(here: Here) -> None:
    here("run", "moderation", *UNDECIDED)
    for arguments, sentence in (
        ([], "waits for --answer JSON to its question: The voters do not agree"),
        (["--accept"], "waits for --answer JSON"),
        (["--answer", '{"decision": "perhaps"}'], "Input should be 'allow' or 'block'"),
        (["--answer", "null"], "does not fit"),
    ):
        told = here("resume", "t", *arguments)
        assert told.status == 2
        assert sentence in told.err
    assert here("resume", "t", "--answer", '{"decision": "allow"}').status == 0
