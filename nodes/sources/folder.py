"""A folder of the user's own text and Markdown files, searched through an index.

The index is an SQLite file with an FTS5 table. It is made on first use and brought up to date
before every search: a file is read again when its time or size has changed, and indexed again when
its content has. All of it can be made again, so it may be deleted at any time. It lies beside the
database that BRAID_DB names, never in the folder, which may be read-only or shared.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from nodes.sources.base import SourceError
from nodes.sources.fts import TOKENIZER, keywords, match_any, transaction
from nodes.sources.passages import passages, title_of
from nodes.sources.places import may_be_read
from nodes.sources.texts import decode
from state.database import MEMORY, locate
from state.sources import Hit

View = Literal["passages", "titles", "recent"]

SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".rst", ".text", ".txt"})
LARGEST_FILE = 16 * 1024 * 1024
"""Bytes. A larger file is no note; it is left out, and named."""
FILES_AT_ONCE = 50
"""Files that are indexed in one transaction: a build that is killed goes on where it was."""
LOCK_WAIT = 60.0
"""Seconds to wait for another process that is writing the same index."""
FITTING = 0.3
"""The share of the best fit that is enough for a recent file."""
_RACY = 2 * 10**9
"""Nanoseconds. A file that changed so shortly before it was read may have changed since, with the
same time and size: the coarsest clocks of file systems tick every two seconds."""

_SCHEMA = 1
_TABLES = f"""
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER, changed INTEGER, read INTEGER, hash BLOB, day TEXT
) WITHOUT ROWID;
CREATE TABLE places (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, first INTEGER, last INTEGER
);
CREATE INDEX places_by_path ON places (path);
CREATE VIRTUAL TABLE passages USING
    fts5(title, heading, text, tokenize='{TOKENIZER}');
"""
_FOUND = """
SELECT path, first, last, day, title, heading, text, bm25(passages, 4, 2, 1) AS fit
FROM passages JOIN places ON places.id = passages.rowid JOIN files USING (path)
WHERE passages MATCH ? ORDER BY fit, path, first LIMIT ?
"""
_DAY = re.compile(r"(?<!\d)(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(frozen=True)
class Contents:
    """What a folder's index holds."""

    files: int
    skipped: list[str]
    """Files that could not be indexed, each with the reason."""


class _File(NamedTuple):
    """A file as the folder shows it."""

    path: str
    """Relative to the folder."""
    size: int
    changed: int
    """Nanoseconds since 1970."""


class _Found(NamedTuple):
    """A passage as the index has it."""

    path: str
    first: int
    last: int
    day: str
    title: str
    heading: str
    text: str
    fit: float
    """FTS5's bm25: the lower, the better, and below 0."""

    def hit(self, source: str) -> Hit:
        return Hit(
            title=self.heading or self.title,
            text=self.text,
            url=f"{self.path}#L{self.first}-L{self.last}",
            source=source,
            data={"file": self.path, "lines": [self.first, self.last], "day": self.day},
        )


@dataclass(frozen=True)
class FolderSource:
    """Search a folder's text and Markdown files (not its hidden ones) in one of three views.

    `passages` gives the passages that fit best; `titles` one passage of each file whose title or
    headings fit; `recent` one of each file that fits, the newest file first. A file's day is the
    date in its name (2026-03-14), else that of its last change.
    """

    folder: str | Path
    view: View = "passages"

    @property
    def name(self) -> str:
        """Return the folder's own name."""
        return Path(self.folder).name or str(self.folder)

    async def search(self, query: str, limit: int, **details: str) -> list[Hit]:
        """Return at most `limit` passages; a hit's url is its place: `notes/peat.md#L12-L18`.

        Raises SourceError for a folder or an index that cannot be used.
        """
        return await asyncio.to_thread(self._search, query, limit)

    async def read(self, hit: Hit) -> Hit:
        """Return the whole file that a hit is from."""
        path = str(hit.get("data", {}).get("file", ""))
        text = await asyncio.to_thread(self._read, path)
        return {**hit, "text": text, "url": path}

    async def refresh(self) -> Contents:
        """Bring the index up to date, and say what is in it."""
        return await asyncio.to_thread(self._contents)

    def _search(self, query: str, limit: int) -> list[Hit]:
        if not (words := keywords(query)):
            return []
        expression = match_any(words, "title heading" if self.view == "titles" else "")
        with self._index() as index:
            self._refresh(index)
            # Of one file many passages may fit, so more are looked at than are wanted.
            wanted = limit if self.view == "passages" else 10 * limit
            rows = index.execute(_FOUND, (expression, wanted)).fetchall()
        found = [_Found(*row) for row in rows]
        if self.view != "passages":
            found = _best_of_each_file(found)
        if self.view == "recent" and found:
            fitting = [each for each in found if each.fit <= FITTING * found[0].fit]
            found = sorted(fitting, key=lambda each: each.day, reverse=True)
        return [each.hit(self.name) for each in found[:limit]]

    def _read(self, path: str) -> str:
        if ".." in Path(path).parts or Path(path).is_absolute():
            raise SourceError(f"{path} does not lie in {self.folder}.")
        try:
            return decode((self._root() / path).read_bytes()) or ""
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}.") from error

    def _contents(self) -> Contents:
        with self._index() as index:
            skipped = self._refresh(index)
            (files,) = index.execute("SELECT count(*) FROM files").fetchone()
        return Contents(files - len(skipped), skipped)

    # Indexing

    def _refresh(self, index: sqlite3.Connection) -> list[str]:
        """Index what has changed, forget what is gone; return what cannot be indexed."""
        there = {file.path: file for file in self._files()}
        known = {
            path: seen
            for path, *seen in index.execute("SELECT path, size, changed, read FROM files")
        }
        stale = [file for path, file in there.items() if not _is_current(file, known.get(path))]
        for start in range(0, len(stale), FILES_AT_ONCE):
            self._take_in(index, stale[start : start + FILES_AT_ONCE])
        if gone := known.keys() - there.keys():
            with transaction(index):
                for path in gone:
                    _forget(index, path)
        unread = index.execute("SELECT path, size FROM files WHERE hash IS NULL ORDER BY path")
        return [f"{path}: {_reason(size)}" for path, size in unread]

    def _take_in(self, index: sqlite3.Connection, files: list[_File]) -> None:
        """Read some files and put in what they say; those whose content is known stay.

        What cannot be read counts as never read, so it is tried again.
        """
        root, now = self._root(), time.time_ns()
        read = [(file, _content(root / file.path, file.size)) for file in files]
        with transaction(index):
            for file, content in read:
                digest = None if content is None else hashlib.sha256(content.encode()).digest()
                row = index.execute("SELECT hash FROM files WHERE path = ?", (file.path,))
                if row.fetchone() != (digest,):
                    _forget(index, file.path)
                    _remember(index, file.path, content or "")
                index.execute(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)",
                    (file.path, file.size, file.changed, now if digest else 0, digest, _day(file)),
                )

    def _files(self) -> Iterator[_File]:
        """Walk the folder; hidden files and linked folders are not entered."""
        root = self._root()
        for folder, names, files in os.walk(root):
            names[:] = [name for name in names if not name.startswith(".")]
            for name in files:
                if name.startswith(".") or Path(name).suffix.lower() not in SUFFIXES:
                    continue
                file = Path(folder, name)
                try:
                    found, path = file.stat(), file.relative_to(root).as_posix()
                    path.encode()
                except (OSError, UnicodeEncodeError):
                    continue  # it is gone, a link to nowhere, or its name is no text
                if stat.S_ISREG(found.st_mode):  # to read a pipe would never end
                    yield _File(path, found.st_size, found.st_mtime_ns)

    def _root(self) -> Path:
        return readable_folder(self.folder)

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        """Open the index; one that is damaged is deleted, to be made anew by another attempt."""
        file = index_file(self._root())
        try:
            index = _open(file)
            try:
                yield index
            finally:
                index.close()
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is detail
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                for part in (file, file.with_name(f"{file.name}-journal")):
                    part.unlink(missing_ok=True)
            again = code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_BUSY)
            raise SourceError(
                f"The index {file} cannot be used ({error}); it lies beside BRAID_DB.",
                transient=again,
            ) from error


def readable_folder(folder: str | Path) -> Path:
    """Return a folder's absolute path; raise SourceError if it is not there, or not to be read."""
    root = may_be_read(folder)
    if not os.path.isdir(root):  # also of a name that is too long
        raise SourceError(f"There is no folder {folder}; name one that holds your files.")
    return root


def index_file(folder: Path) -> Path:
    """Return where a folder's index is: beside BRAID_DB, or in the working directory."""
    database = locate()
    named = isinstance(database, Path) and database != MEMORY
    beside = Path(database) if named else Path("braid.sqlite")
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return beside.with_name(f"{beside.name}.folder-{digest}")


def _open(file: Path) -> sqlite3.Connection:
    index = sqlite3.connect(file, timeout=LOCK_WAIT, isolation_level=None)
    try:
        if _version(index) != _SCHEMA:
            with transaction(index):
                if _version(index) != _SCHEMA:  # another process may have been quicker
                    for table in ("files", "places", "passages"):
                        index.execute(f"DROP TABLE IF EXISTS {table}")
                    for statement in filter(str.strip, _TABLES.split(";")):
                        index.execute(statement)
                    index.execute(f"PRAGMA user_version = {_SCHEMA}")
    except BaseException:
        index.close()
        raise
    return index


def _version(index: sqlite3.Connection) -> int:
    (version,) = index.execute("PRAGMA user_version").fetchone()
    return int(version)


def _best_of_each_file(found: list[_Found]) -> list[_Found]:
    best: dict[str, _Found] = {}
    for each in found:
        best.setdefault(each.path, each)
    return list(best.values())


def _is_current(file: _File, seen: list[int] | None) -> bool:
    if seen is None:
        return False
    size, changed, read = seen
    return (file.size, file.changed) == (size, changed) and file.changed + _RACY < read


def _content(file: Path, size: int) -> str | None:
    """Return a file's text; None where it has none that can be indexed."""
    if size > LARGEST_FILE:
        return None
    try:
        return decode(file.read_bytes())
    except OSError:
        return None


def _reason(size: int) -> str:
    if size > LARGEST_FILE:
        return f"larger than {LARGEST_FILE >> 20} MB"
    return "not text, or not readable"


def _remember(index: sqlite3.Connection, path: str, content: str) -> None:
    title = title_of(content) or Path(path).stem.replace("_", " ").replace("-", " ")
    for passage in passages(content):
        place = index.execute(
            "INSERT INTO places (path, first, last) VALUES (?, ?, ?)",
            (path, passage.first, passage.last),
        ).lastrowid
        index.execute(
            "INSERT INTO passages (rowid, title, heading, text) VALUES (?, ?, ?, ?)",
            (place, title, passage.heading, passage.text),
        )


def _forget(index: sqlite3.Connection, path: str) -> None:
    index.execute(
        "DELETE FROM passages WHERE rowid IN (SELECT id FROM places WHERE path = ?)", (path,)
    )
    index.execute("DELETE FROM places WHERE path = ?", (path,))
    index.execute("DELETE FROM files WHERE path = ?", (path,))


def _day(file: _File) -> str:
    if named := _DAY.search(Path(file.path).name):
        return named[0]
    return datetime.fromtimestamp(file.changed / 1e9, UTC).date().isoformat()
