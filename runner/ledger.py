"""The results of a batch: a file of JSON lines to which finished runs are appended."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeGuard

from typing_extensions import TypedDict

from runner.errors import BadInput
from runner.report import Status
from state import Failure

FINAL: frozenset[Status] = frozenset({"complete", "partial", "aborted"})
"""How a run ends for good; a batch that is started again looks at the others once more."""
BEGINNING = b'{"input": '


class Line(TypedDict):
    """One line of the file."""

    input: Mapping[str, Any]
    line: int
    """Of the inputs, from 1."""
    thread_id: str
    status: Status
    output: Mapping[str, Any]
    failures: Mapping[str, Failure]


class Ledger:
    """An open results file; what `write` has returned from survives a power cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done = _repair(path)
        """How the threads ended whose final result is in the file."""
        self._file = path.open("ab")
        self._turn = asyncio.Lock()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    async def write(self, line: Line) -> None:
        """Append a line."""
        text = json.dumps(line, ensure_ascii=False, default=str)
        async with self._turn:
            await asyncio.to_thread(self._append, text.encode("utf-8", "replace") + b"\n")

    def _append(self, raw: bytes) -> None:
        self._file.write(raw)
        self._file.flush()
        os.fsync(self._file.fileno())


def check_place(path: Path) -> None:
    """Raise BadInput when no results can be written there."""
    try:
        if path.exists() and not path.is_file():
            raise BadInput(f"{path} is not a file; the results need one.")
        if not path.parent.is_dir():
            raise BadInput(f"There is no folder {path.parent} for the results.")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise BadInput(f"{path} may not be written.")
    except OSError as error:
        raise BadInput(f"{path} cannot be used: {error.strerror}.") from None


def _repair(path: Path) -> dict[str, Status]:
    """Take out what is half written or not final, and return how the others ended, by thread."""
    raw = path.read_bytes() if path.exists() else b""
    lines = raw.split(b"\n")
    cut_off = lines.pop()
    if not (cut_off.startswith(BEGINNING) or BEGINNING.startswith(cut_off)):
        raise _strange(path, len(lines) + 1)
    kept: list[bytes] = []
    done: dict[str, Status] = {}
    for number, line in enumerate(lines, start=1):
        result = _parsed(line)
        if result is None:
            raise _strange(path, number)
        if result["status"] in FINAL:
            kept.append(line + b"\n")
            done[result["thread_id"]] = result["status"]
    if (wanted := b"".join(kept)) != raw:
        _replace(path, wanted)
    return done


def _parsed(line: bytes) -> Line | None:
    try:
        result = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return result if _is_line(result) else None


def _is_line(value: Any) -> TypeGuard[Line]:
    return (
        isinstance(value, dict)
        and Line.__annotations__.keys() <= value.keys()
        and isinstance(value["thread_id"], str)
        and isinstance(value["status"], str)
    )


def _strange(path: Path, number: int) -> BadInput:
    return BadInput(f"{path}, line {number}, is not a result of a batch; name another file.")


def _replace(path: Path, raw: bytes) -> None:
    """Replace a file at one stroke, so that a crash leaves the old or the new one."""
    target = path.resolve()
    beside = target.with_name(f"{target.name}.tmp")
    with beside.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(target)
