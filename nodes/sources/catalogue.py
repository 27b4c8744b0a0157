"""A catalogue: rows of a CSV or JSONL file, searched in memory."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nodes.sources.base import SourceError
from nodes.sources.fts import TOKENIZER, match_all, terms, unaccented
from nodes.sources.texts import decode
from state.sources import Hit

_OWN = ("title", "text", "url")


@dataclass(frozen=True)
class CatalogueSource:
    """A source made of a file: CSV with a header, or JSONL with an object on each line.

    A row has a `title`, may have a `text` and a `url`, and whatever else it has becomes the hit's
    `data`. A row is found when it has every word of the query, in whichever column; bm25 decides
    on the order. The file is read again when it has changed.
    """

    path: Path
    name: str

    async def search(self, query: str, limit: int, **details: str) -> list[Hit]:
        """Return at most `limit` rows; raise SourceError for a file that cannot be read."""
        words = terms(_folded(query))
        return await asyncio.to_thread(self._search, words, limit) if words else []

    def _search(self, words: list[str], limit: int) -> list[Hit]:
        try:
            stat = self.path.stat()
            rows = _load(self.path, stat.st_mtime_ns, stat.st_size)
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror}.") from error
        return [self._hit(row) for row in rows.matching(match_all(words), limit)]

    def _hit(self, row: dict[str, Any]) -> Hit:
        url = str(row.get("url") or "")
        hit = Hit(title=row["title"], text=str(row.get("text") or ""), url=url, source=self.name)
        if data := {key: value for key, value in row.items() if key not in _OWN}:
            hit["data"] = data
        return hit


class _Rows:
    """The rows of one file in an FTS5 table. One connection, so one reader at a time."""

    def __init__(self, rows: Iterator[dict[str, Any]]) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.execute(
            "CREATE VIRTUAL TABLE rows USING"
            f" fts5(title, words, row UNINDEXED, tokenize='{TOKENIZER}')"
        )
        self._db.executemany(
            "INSERT INTO rows VALUES (?, ?, ?)",
            ((_folded(row["title"]), _folded(_words(row)), json.dumps(row)) for row in rows),
        )

    def matching(self, expression: str, limit: int) -> list[dict[str, Any]]:
        select = "SELECT row FROM rows WHERE rows MATCH ? ORDER BY bm25(rows, 5, 1), rowid LIMIT ?"
        with self._lock:
            return [json.loads(row) for (row,) in self._db.execute(select, (expression, limit))]


@lru_cache(maxsize=16)
def _load(path: Path, mtime_ns: int, size: int) -> _Rows:
    """Read a file; the time and size that it had make a changed file another one."""
    text = decode(path.read_bytes())
    if text is None:
        raise SourceError(f"{path} is not a text file.")
    return _Rows(_csv(path, text) if path.suffix.lower() == ".csv" else _jsonl(path, text))


def _csv(path: Path, text: str) -> Iterator[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="more")
    for row in reader:
        yield _checked({k: v for k, v in row.items() if v is not None}, path, reader.line_num)


def _jsonl(path: Path, text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise SourceError(f"{path}, line {number} is not JSON: {error}.") from None
            yield _checked(row, path, number)


def _checked(row: Any, path: Path, line: int) -> dict[str, Any]:
    if not isinstance(row, dict) or not isinstance(row.get("title"), str):
        raise SourceError(f"{path}, line {line} has no `title`; every row needs one.")
    return row


def _folded(text: str) -> str:
    """Return a text as it is compared: FTS5 alone takes ß and ss for different."""
    return unaccented(text.casefold())


def _words(value: Any) -> str:
    """Return all text in a row, also in what it nests."""
    if isinstance(value, dict):
        return " ".join(_words(each) for key, each in value.items() if key not in ("url", "title"))
    if isinstance(value, list):
        return " ".join(map(_words, value))
    return str(value)
