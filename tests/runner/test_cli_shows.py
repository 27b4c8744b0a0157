"""`list`, `show`, `threads`, `compare` and `doctor`: what they tell."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import pytest
from support.cli import ROOT, Cli
from support.here import Here
from support.openai_server import OpenAIServer, Status

from runner import catalogue
from runner.doctor import examine
from state import open_checkpointer


def test_the_list_tells_what_each_workflow_is_for(here: Here) -> None:
    told = here("list").out
    listed = {entry["name"]: entry for entry in here("list", "--json").json}
    assert listed["document_review"] == {
        "name": "document_review",
        "pattern": "fan-out",
        "branches": ["technical", "business", "legal"],
        "purpose": "Score a document from its technical, business and legal side.",
    }
    for name in listed:
        assert name in told


def test_the_list_stops_quietly_when_nobody_reads_on(braid: Cli) -> None:
    told = subprocess.run(
        f"{sys.executable} -m runner list | head -1",
        shell=True, env=braid.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.stderr == ""


def test_a_workflow_is_shown_with_diagram_fields_and_example(here: Here) -> None:
    told = here("show", "moderation").out
    assert "graph TD;" in told
    assert "\tpolicy(policy)\n" in told
    assert "\tjoin(join)\n" in told
    assert "policy --> join" in told
    assert "text, 1 to 50,000 characters; required" in told
    assert 'one of majority, threshold, unanimous; "majority" unless given' in told
    assert '"text": "I have been a customer' in told


def test_threads_are_told_with_their_status(here: Here, server: OpenAIServer) -> None:
    assert here("threads", "--json").json == []
    assert not list(here.directory.iterdir())
    refused = Status(400)
    here("run", "content_kit", "topic=x", "--thread", "whole")
    server.script("legal", refused)
    here("run", "document_review", "--thread", "partial")
    server.script("legal", refused)
    server.script("business", refused)
    here("run", "document_review", "--thread", "paused")
    server.script("synthesis", refused)
    here("run", "topic_explorer", "--thread", "cut")
    listed = here("threads", "--json").json
    assert [(thread["thread_id"], thread["workflow"], thread["status"]) for thread in listed] == [
        ("cut", "topic_explorer", "failed"),
        ("paused", "document_review", "paused"),
        ("partial", "document_review", "partial"),
        ("whole", "content_kit", "complete"),
    ]
    told = here("threads").out
    assert "braid resume THREAD --retry runs again what failed" in told


def test_a_thread_that_cannot_be_read_hides_no_other(here: Here) -> None:
    here("run", "creative_trio", "topic=tea", "--thread", "open")
    encrypted = {"LANGGRAPH_AES_KEY": "sixteen bytes..."}
    here("run", "creative_trio", "topic=tea", "--thread", "closed", env=encrypted)
    listed = here("threads", "--json").json
    assert [(t["thread_id"], t["workflow"], t["status"]) for t in listed] == [
        ("closed", "creative_trio", "unknown"),
        ("open", "creative_trio", "complete"),
    ]
    assert "braid resume THREAD says which" in here("threads").out
    assert "another LANGGRAPH_AES_KEY" in here("resume", "closed").err
    assert [t["status"] for t in here("threads", "--json", env=encrypted).json] == ["complete"] * 2


async def test_a_thread_that_began_on_the_server_is_one_of_ours(braid: Cli) -> None:
    async with open_checkpointer(braid.env["BRAID_DB"]) as saver:
        graph = catalogue.load("creative_trio").compile(checkpointer=saver)
        config: Any = {"configurable": {"thread_id": "t"}, "metadata": {"graph_id": graph.name}}
        await graph.ainvoke({"topic": "tea"}, config, interrupt_before=["aggregate"])
    [thread] = braid("threads", "--json").json
    assert (thread["workflow"], thread["status"]) == ("creative_trio", "failed")
    assert braid("resume", "t", "--json").json["status"] == "complete"


def test_compare_runs_one_at_a_time_and_then_all_at_once(here: Here) -> None:
    found = here("compare", "content_kit", "--json", env={"BRAID_OFFLINE_LATENCY": "0.05"}).json
    assert list(found) == ["sequential", "parallel", "speedup", "limit"]
    one_by_one = sorted(found["sequential"]["branches"], key=lambda branch: branch["start_s"])
    for earlier, later in itertools.pairwise(one_by_one):
        assert earlier["end_s"] <= later["start_s"]
    together = found["parallel"]["branches"]
    assert max(b["start_s"] for b in together) < min(b["end_s"] for b in together)
    sequential, parallel = found["sequential"], found["parallel"]
    assert found["speedup"] == pytest.approx(sequential["wall_s"] / parallel["wall_s"])
    assert found["limit"] == pytest.approx(parallel["sum_s"] / parallel["critical_s"])


def test_compare_keeps_nothing_and_says_what_was_gained(here: Here) -> None:
    told = here("compare", "content_kit")
    assert told.status == 0
    assert "became" in told.out
    assert not list(here.directory.iterdir())


def test_a_run_that_fails_cannot_be_compared(here: Here, server: OpenAIServer) -> None:
    server.script("*", *[Status(400)] * 3)
    told = here("compare", "document_review")
    assert told.status == 1
    assert "0 of 3 succeeded" in told.err
    assert "Traceback" not in told.err


def test_the_doctor_is_content_with_a_fresh_clone(here: Here) -> None:
    told = here("doctor", env={"COLUMNS": "300"})
    assert told.status == 0
    assert "offline" in told.out
    assert "will be made by the first run" in told.out
    assert not list(here.directory.iterdir())


def test_the_doctor_asks_the_endpoint_and_never_shows_the_key(
    here: Here, server: OpenAIServer
) -> None:
    told = here("doctor", env={"BRAID_MODEL": "test"})
    assert told.status == 0
    assert f"{server.url} answers" in told.out
    assert server.env["OPENAI_API_KEY"] not in told.out
    told = here("doctor", env={"BRAID_MODEL": "another"})
    assert told.status == 0
    assert "does not list another; it has test" in told.out


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1", "Nothing answers at"),
        ("OPENAI_BASE_URL", "not a url", "Nothing answers at not a url"),
        ("BRAID_DB", "mysql://x", "name a file"),
        ("BRAID_DB", "nowhere/braid.sqlite", "cannot be made"),
        ("BRAID_DB", str(ROOT / "pyproject.toml"), "is not a SQLite database"),
        ("BRAID_PRICES", "nowhere.toml", "cannot be read"),
    ],
)
def test_the_doctor_names_what_is_broken(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    value: str,
    sentence: str,
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv(setting, value)
    assert examine() == 1
    assert sentence in capsys.readouterr().out


def test_the_doctor_counts_the_threads(here: Here) -> None:
    here("run", "creative_trio")
    told = here("doctor", env={"COLUMNS": "300"})
    assert told.status == 0
    assert "1 thread" in told.out
