"""`braid run`: what it prints, writes and keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.here import Here
from support.openai_server import OpenAIServer, Status

REFUSED = Status(400, message="no")
"""An error that another attempt would not change."""

BRANCH = {"name", "start_s", "end_s", "status", "attempts", "tokens", "cost_usd"}


def test_the_report_has_the_shape_that_other_programs_rely_on(braid: Cli) -> None:
    told = braid("run", "document_review", "--json")
    report = told.json
    assert told.status == 0
    assert told.err == ""
    assert list(report) == [
        "workflow", "thread_id", "status", "model", "output", "failures", "timing"
    ]  # fmt: skip
    assert (report["workflow"], report["status"], report["model"]) == (
        "document_review", "complete", "offline"
    )  # fmt: skip
    assert report["output"].keys() == {"final_score", "max_score", "scores", "findings"}
    assert report["failures"] == {}
    assert list(report["timing"]) == [
        "wall_s", "sum_s", "critical_s", "speedup", "efficiency", "branches"
    ]  # fmt: skip
    assert {b["name"] for b in report["timing"]["branches"]} == {"technical", "business", "legal"}
    assert all(branch.keys() == BRANCH for branch in report["timing"]["branches"])


def test_people_are_told_the_result_the_timeline_and_the_model(here: Here) -> None:
    told = here("run", "document_review", "--thread", "mine")
    assert told.status == 0
    for part in ("model: offline", "final score", "legal", "3 branches", "braid resume mine"):
        assert part in told.out


def test_the_result_goes_to_stdout_and_progress_to_stderr(here: Here) -> None:
    told = here("run", "creative_trio")
    assert "combined output" in told.out
    assert "combined output" not in told.err
    assert "poem" in told.err


def test_input_comes_from_pairs_and_files(here: Here, tmp_path: Path) -> None:
    (tmp_path / "topic.txt").write_text("Ätna")
    report = here("run", "content_kit", "topic=@topic.txt", "--json").json
    assert report["output"]["topic"] == "Ätna"
    report = here("run", "content_kit", "--input", '{"topic": "tea"}', "--json").json
    assert report["output"]["topic"] == "tea"


def test_a_second_run_on_a_thread_is_what_it_would_be_on_a_fresh_one(here: Here) -> None:
    here("run", "content_kit", "topic=volcanoes", "--thread", "used")
    again = here("run", "content_kit", "topic=tea", "--thread", "used", "--json").json
    fresh = here("run", "content_kit", "topic=tea", "--thread", "fresh", "--json").json
    assert again["output"] == fresh["output"]
    assert len(again["timing"]["branches"]) == 4


def test_a_thread_of_another_workflow_is_refused(here: Here) -> None:
    here("run", "content_kit", "topic=tea", "--thread", "used")
    told = here("run", "creative_trio", "--thread", "used")
    assert told.status == 2
    assert "belongs to content_kit" in told.err


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_the_timeline_is_written_as_a_picture(here: Here, tmp_path: Path, suffix: str) -> None:
    told = here("run", "creative_trio", "--timeline", f"out.{suffix}")
    assert told.status == 0
    assert "poem" in (tmp_path / f"out.{suffix}").read_text()


def test_a_branch_that_fails_leaves_a_partial_result(here: Here, server: OpenAIServer) -> None:
    server.script("legal", REFUSED)
    told = here("run", "document_review", "--json")
    assert told.status == 0
    report = told.json
    assert report["status"] == "partial"
    assert len(report["output"]["scores"]) == 2
    failure = report["failures"]["legal"]
    assert failure["error_type"] == "OpenAIInvalidRequestError"
    assert failure["attempts"] == 1
    assert "Error code: 400" in failure["message"]
    statuses = {b["name"]: b["status"] for b in report["timing"]["branches"]}
    assert statuses == {"technical": "ok", "business": "ok", "legal": "failed"}


def test_people_are_told_what_is_missing(here: Here, server: OpenAIServer) -> None:
    server.script("legal", Status(400, message="\x1b[2J[red]no[/red]"))
    told = here("run", "document_review", "--thread", "mine")
    assert "partial" in told.out
    assert "[red]no[/red]" in told.out
    assert "\x1b" not in told.out
    assert "braid resume mine --retry" in told.out


def test_a_failed_aggregator_ends_the_run_with_one_line(here: Here, server: OpenAIServer) -> None:
    server.script("synthesis", REFUSED)
    told = here("run", "topic_explorer", "topic=tea", "--json")
    assert told.status == 1
    assert told.json["status"] == "failed"
    assert told.json["output"] == {}
    assert len(told.json["timing"]["branches"]) == 3
    assert told.err.startswith("braid: OpenAIInvalidRequestError: Error code: 400")
    assert len(told.err.splitlines()) == 1


def test_a_key_that_is_refused_is_said_once_and_never_shown(
    braid: Cli, server: OpenAIServer, tmp_path: Path
) -> None:
    key = server.env["OPENAI_API_KEY"]
    server.script("*", *[Status(401, message=f"Incorrect API key: {key}")] * 20)
    told = braid("run", "document_review")
    assert told.status == 3
    assert "check OPENAI_API_KEY" in told.out
    assert server.counts.total() == 3
    assert key not in told.out + told.err
    assert key.encode() not in (tmp_path / "braid.sqlite").read_bytes()


def test_max_parallel_holds(braid: Cli, server: OpenAIServer) -> None:
    server.hold("*")
    running = braid.start("run", "content_kit", "topic=tea", "--max-parallel", "2")
    server.wait_for("other", 2)
    server.release()
    assert running.wait().status == 0
    assert server.peak == 2
    assert server.counts["other"] == 4


def test_prices_turn_tokens_into_money(here: Here, server: OpenAIServer, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text('["test"]\ninput = 1_000_000\noutput = 0\n')
    env = {"BRAID_PRICES": "prices.toml", "BRAID_MODEL": "test"}
    report = here("run", "creative_trio", "--json", env=env).json
    assert report["model"] == "test"
    for branch in report["timing"]["branches"]:
        assert branch["cost_usd"] == pytest.approx(branch["tokens"]["input"])


def test_the_env_file_is_read_and_the_environment_goes_before_it(
    braid: Cli, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("BRAID_DB=from_the_file.sqlite\nBRAID_OFFLINE_LATENCY=soon\n")
    del braid.env["BRAID_DB"]
    assert braid("run", "creative_trio", "--json").status == 0
    assert (tmp_path / "from_the_file.sqlite").exists()


def test_json_is_utf_8_whatever_the_locale_says(braid: Cli) -> None:
    process = braid.start(
        "run", "content_kit", "topic=Ätna", "--json",
        env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    ).process  # fmt: skip
    raw: Any = process.stdout
    report = json.loads(raw.buffer.read().decode("utf-8"))
    process.communicate()
    assert report["output"]["topic"] == "Ätna"
