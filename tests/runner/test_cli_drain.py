"""SIGTERM: what is running may finish, within a bound, and what is left can be gone on with."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from support.cli import Cli, Running
from support.dev_server import DevServer
from support.drained_program import workflow
from support.openai_server import OpenAIServer
from support.toys import on

from runner.brake import DRAINING, GIVEN_UP, LAST_RESORT, LONGEST_DRAIN
from state import open_checkpointer

SIDES = ("technical", "business", "legal")
AT_ONCE = LONGEST_DRAIN - 2
"""Seconds that a process has which does not wait for its branches."""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kept(braid: Cli) -> int:
    """Count the branches whose results are in the database: each of them leads on to join."""
    query = "SELECT count(DISTINCT task_id) FROM writes WHERE channel = 'branch:to:join'"
    with closing(sqlite3.connect(f"file:{braid.env['BRAID_DB']}?mode=ro", uri=True)) as database:
        return int(database.execute(query).fetchone()[0])


@pytest.fixture
def reviewing(braid: Cli, server: OpenAIServer) -> Running:
    """A review that waits for its legal branch; the others are kept."""
    server.hold("legal")
    running = braid.start("run", "document_review", "--thread", "t", "--json")
    server.wait_for("legal")
    wait_until(lambda: kept(braid) == 2)
    return running


def ask_to_end(running: Running) -> None:
    """Send SIGTERM, and wait until the process says that it has it."""
    running.send(signal.SIGTERM)
    assert running.process.stderr
    assert running.process.stderr.readline() == f"{DRAINING}\n"


def test_branches_in_flight_finish_and_are_asked_once(
    braid: Cli, server: OpenAIServer, reviewing: Running
) -> None:
    ask_to_end(reviewing)
    server.release()
    told = reviewing.wait()
    assert told.status == 1
    assert told.json["status"] == "failed"
    assert {branch["name"] for branch in told.json["timing"]["branches"]} == set(SIDES)
    assert told.err == "braid: stopped; what had finished is kept: braid resume t\n"
    assert braid("resume", "t", "--json").json["status"] == "complete"
    assert server.counts == dict.fromkeys(SIDES, 1)


def test_a_branch_that_hangs_is_cut_off_at_the_bound_and_its_siblings_are_kept(
    braid: Cli, server: OpenAIServer, reviewing: Running
) -> None:
    ask_to_end(reviewing)
    told = reviewing.wait(timeout=LONGEST_DRAIN + 20)
    assert told.status == 1
    assert {branch["name"] for branch in told.json["timing"]["branches"]} == set(SIDES[:2])
    assert told.err == "braid: stopped; what had finished is kept: braid resume t\n"
    server.wait_for("legal", outcome="gone")
    server.release()
    assert braid("resume", "t", "--json").json["status"] == "complete"
    assert server.counts == {"technical": 1, "business": 1, "legal": 2}


def test_a_second_sigterm_ends_at_once(
    braid: Cli, server: OpenAIServer, reviewing: Running
) -> None:
    ask_to_end(reviewing)
    reviewing.send(signal.SIGTERM)
    told = reviewing.wait(timeout=AT_ONCE)
    assert told.status == 1
    assert told.err == "braid: stopped; what had finished is kept: braid resume t\n"
    server.wait_for("legal", outcome="gone")


def traces(directory: Path) -> list[str]:
    file = directory / "ran"
    return sorted(file.read_text().split()) if file.exists() else []


async def test_a_branch_of_steps_ends_after_its_step_and_waits_for_no_other(
    braid: Cli, tmp_path: Path
) -> None:
    database = braid.env["BRAID_DB"]
    running = braid.start_python("-m", "support.drained_program", database, str(tmp_path))
    wait_until(lambda: traces(tmp_path) == ["first", "quick", "slow"])
    ask_to_end(running)
    (tmp_path / "go").touch()
    told = running.wait(timeout=AT_ONCE)
    assert told.status == 1, told.err
    assert traces(tmp_path) == ["first", "quick", "slow"]
    async with open_checkpointer(database) as saver:
        result = await workflow(tmp_path).compile(checkpointer=saver).ainvoke(None, on("t"))
    assert result["out"] == ["quick", "slow", "first", "second"]
    assert traces(tmp_path) == ["first", "quick", "second", "slow"]


def test_a_thread_that_hangs_does_not_keep_the_process(braid: Cli, tmp_path: Path) -> None:
    database = braid.env["BRAID_DB"]
    running = braid.start_python("-m", "support.drained_program", database, str(tmp_path), "stuck")
    wait_until(lambda: len(traces(tmp_path)) == 4)
    wait_until(lambda: kept(braid) == 1)
    ask_to_end(running)
    running.send(signal.SIGTERM)
    told = running.wait(timeout=LAST_RESORT + AT_ONCE)
    assert told.status == 1
    assert told.err == f"{GIVEN_UP}\n"
    assert kept(braid) == 1


def test_a_batch_finishes_its_branches_and_the_same_command_goes_on(
    braid: Cli, server: OpenAIServer
) -> None:
    topics = ("tea", "rain", "salt", "moss")
    server.labels = {topic: topic for topic in topics}
    lines = [json.dumps({"topic": topic}) for topic in topics]
    (braid.directory / "in.jsonl").write_text("\n".join(lines))
    batch = ("batch", "creative_trio", "in.jsonl", "--out", "out.jsonl", "--concurrency", "2")
    server.hold("rain", "salt")
    running = braid.start(*batch)
    for topic in ("rain", "salt"):
        server.wait_for(topic, 3)
    ask_to_end(running)
    server.release()
    told = running.wait()
    assert told.status == 1
    assert told.err == "braid: stopped; the same command goes on where it ended.\n"
    assert server.counts == {"tea": 3, "rain": 3, "salt": 3}  # nothing was started after it
    told = braid(*batch)
    assert told.status == 0
    assert "4 lines: 4 complete" in told.out
    results = [json.loads(line) for line in (braid.directory / "out.jsonl").open()]
    assert sorted(line["line"] for line in results) == [1, 2, 3, 4]
    assert server.counts == dict.fromkeys(topics, 3)


async def test_a_dev_server_that_was_told_to_end_goes_on_when_it_is_started_again(
    tmp_path: Path, server: OpenAIServer
) -> None:
    served = DevServer(tmp_path / "served", server.env).start()
    try:
        client = get_client(url=served.url)
        server.hold("legal")
        thread = (await client.threads.create())["thread_id"]
        await client.runs.create(thread, "document_review", input={"document": "tea"})
        await asyncio.to_thread(server.wait_for, "legal")
        async with asyncio.timeout(30):
            while len(await spans(client, thread)) < 2:
                await asyncio.sleep(0.05)
        served.stop()
        server.release()
        served.start()  # and begins its unfinished runs anew by itself, before what is asked below
        client = get_client(url=served.url)
        result: Any = await client.runs.wait(thread, "document_review", input=None)
    finally:
        served.stop()
    assert result["status"] == "complete"
    assert server.counts == {"technical": 1, "business": 1, "legal": 2}


async def spans(client: LangGraphClient, thread: str) -> list[Any]:
    """Return what the branches of a thread have done so far."""
    values: Any = (await client.threads.get_state(thread))["values"]
    return list((values or {}).get("spans", []))
