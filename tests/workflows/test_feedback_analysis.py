"""`feedback_analysis`: thousands of entries, each judged once, bad rows named."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cli import Cli
from support.openai_server import OpenAIServer, Status
from support.toys import on
from support.workflows import example, invoke, run_example

from nodes.feedback_analysis import read_entries
from state import open_checkpointer


@pytest.fixture
def judge(openai_server: OpenAIServer) -> OpenAIServer:
    def answer(asked: Any) -> dict[str, Any]:
        bad = "crash" in asked.text
        return {
            "sentiment": "negative" if bad else "positive",
            "category": "bug" if bad else "praise",
            "urgency": 5 if bad else 1,
            "keywords": ["Crash" if bad else "joy"],
        }

    openai_server.answers = answer
    return openai_server


async def test_entries_are_counted_together(judge: OpenAIServer) -> None:
    entries = ["It crashes.", "Lovely.", {"text": "Nice."}, {"id": 4, "comment": "It crashes!"}]
    result = await invoke("feedback_analysis", entries=entries)
    assert result["total"] == 4
    assert result["sentiments"] == {"negative": 2, "positive": 2}
    assert result["categories"] == {"bug": 2, "praise": 2}
    assert result["top_keywords"] == {"crash": 2, "joy": 2}
    assert [entry["line"] for entry in result["urgent"]] == [1, 4]
    assert result["bad_rows"] == []
    assert len(judge.asked) == 4


async def test_an_entry_that_fails_is_recorded_under_its_line(judge: OpenAIServer) -> None:
    judge.labels = {"third": "entry number 3."}
    judge.script("third", Status(400))
    entries = [f"entry number {number}." for number in range(1, 12)]
    result = await invoke("feedback_analysis", entries=entries)
    assert result["status"] == "partial"
    assert list(result["failures"]) == ["line 3"]
    assert result["total"] == 10


FILES = {
    "csv": 'id,Text\n1,fine\n2\n3,"a, b"\n,\n5,last\n',
    "csv with one column": 'whatever\nfine\n\n"a, b"\nlast\n',
    "jsonl": '{"text": "fine"}\n{broken\n\n"a, b"\n{"x": 1, "y": 2}\n{"review": "last"}\n',
    "csv with a byte order mark": '\ufefftext\r\nfine\r\n"a, b"\r\nlast\r\n',
}


@pytest.mark.parametrize("kind", FILES)
def test_files_are_read_and_bad_rows_are_named_by_line(kind: str) -> None:
    good, bad = read_entries(FILES[kind])
    assert [entry["text"] for entry in good] == ["fine", "a, b", "last"]
    lines = {"csv": [3, 5], "jsonl": [2, 5]}.get(kind, [])
    assert [row["line"] for row in bad] == lines


@given(st.text() | st.lists(st.text() | st.dictionaries(st.text(), st.none() | st.text())))
def test_no_content_stops_the_reader_and_no_line_is_named_twice(content: Any) -> None:
    good, bad = read_entries(content)
    lines = [entry["line"] for entry in good]
    assert len(set(lines)) == len(lines)
    assert all(entry["text"] for entry in good)
    assert all(row["reason"] for row in bad)


def test_the_example_is_analysed_offline_and_names_its_broken_rows(braid: Cli) -> None:
    output = run_example(braid, "feedback_analysis")
    assert output["total"] == 197
    assert len(output["bad_rows"]) == 3
    assert sum(output["sentiments"].values()) == 197
    assert output["top_keywords"]
    assert len(example("feedback_analysis")["entries"].splitlines()) == 201


async def kept_rows(database: Path) -> set[int]:
    """Return the numbers of the rows whose result is committed."""
    kept: set[int] = set()
    async with open_checkpointer(database) as saver:
        async for found in saver.alist(on("f")):  # type: ignore[arg-type]
            for _, channel, value in found.pending_writes or ():
                if channel == "items":
                    kept |= {int(item.removeprefix("line ")) for item in value}
                elif channel == "judged" and isinstance(value, dict):  # fork resets it
                    kept |= {judged["line"] for judged in value.values()}
    return kept


def test_five_thousand_rows_survive_a_kill_and_none_is_judged_twice(
    braid: Cli, judge: OpenAIServer, tmp_path: Path
) -> None:
    rows = [{"text": f"row {number}: it crashes"} for number in range(1, 5001)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    arguments = ("feedback_analysis", "entries=@rows.jsonl", "--thread", "f", "--json")
    run = braid.start("run", *arguments, env=judge.env)
    judge.wait_for("other", 1500, timeout=120)
    run.kill()
    judge.wait_until_idle()
    kept = asyncio.run(kept_rows(tmp_path / "braid.sqlite"))
    assert len(kept) > 1000, "most of what was answered is kept"
    first = len(judge.asked)
    result = braid.start("resume", "f", "--json", env=judge.env).wait(240)
    assert result.status == 0, result.err
    assert result.json["output"]["total"] == 5000
    found = (re.search(r"row (\d+):", asked.text) for asked in judge.asked[first:])
    again = {int(match[1]) for match in found if match}
    assert not again & kept, "a finished item was judged twice"
    assert len(judge.asked) - first == 5000 - len(kept)
