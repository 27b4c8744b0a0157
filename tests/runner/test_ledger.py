"""The results file of a batch loses no line and keeps no half one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.errors import BadInput
from runner.ledger import Ledger, Line, check_place
from runner.report import Status


def line(number: int, status: Status = "complete") -> Line:
    return {
        "input": {"topic": f"Ä{number}"},
        "line": number,
        "thread_id": f"t{number}",
        "status": status,
        "output": {},
        "failures": {},
    }


def as_bytes(*lines: Line) -> bytes:
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in lines)


async def test_lines_are_appended_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    for number in (1, 2):
        with Ledger(path) as ledger:
            assert len(ledger.done) == number - 1
            await ledger.write(line(number))
    assert path.read_bytes() == as_bytes(line(1), line(2))


@pytest.mark.parametrize("cut", [1, 5, 20, -1])
def test_a_half_written_line_is_taken_out(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(as_bytes(line(1)) + as_bytes(line(2))[:cut])
    with Ledger(path) as ledger:
        assert ledger.done == {"t1": "complete"}
    assert path.read_bytes() == as_bytes(line(1))


def test_only_results_that_will_not_change_stay(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    statuses: list[Status] = ["failed", "partial", "paused", "aborted"]
    path.write_bytes(as_bytes(*(line(n, status) for n, status in enumerate(statuses))))
    with Ledger(path) as ledger:
        assert ledger.done == {"t1": "partial", "t3": "aborted"}
    assert path.read_bytes() == as_bytes(line(1, "partial"), line(3, "aborted"))


@pytest.mark.parametrize(
    "raw", [b"name,score\n", b'{"input": {}}\n', b"precious", b'{"input": 1, oops\n', b"\n"]
)
def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(raw)
    with pytest.raises(BadInput, match="line 1, is not a result of a batch"):
        Ledger(path)
    assert path.read_bytes() == raw


def test_a_place_that_takes_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a file"):
        check_place(tmp_path)
    with pytest.raises(BadInput, match="There is no folder"):
        check_place(tmp_path / "nowhere" / "out.jsonl")
