"""SQLite: LangGraph's saver with group commit, and opening a file without surprises."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from state.database import MEMORY, UnusableDatabase, check_place
from state.group_commit import GroupCommit, Statement
from state.serde import decoding

BUSY_TIMEOUT = 30.0
"""Seconds to wait for another process that is writing to the same file."""
ROWS_AT_ONCE = 32
"""Rows of one INSERT."""
PAGES_AT_ONCE = 2_000
"""Free pages that are given back to the disk in one transaction."""

APPLICATION = 0x42524149  # "BRAI"
FORMAT = 1
"""What a file says of itself: `PRAGMA application_id` and `PRAGMA user_version`."""

COLUMNS = {
    "checkpoints": {
        "thread_id",
        "checkpoint_ns",
        "checkpoint_id",
        "parent_checkpoint_id",
        "type",
        "checkpoint",
        "metadata",
    },
    "writes": {
        "thread_id",
        "checkpoint_ns",
        "checkpoint_id",
        "task_id",
        "idx",
        "channel",
        "type",
        "value",
    },
}

_ELSEWHERE = "or set BRAID_DB to another file."
_SENTENCES = {
    sqlite3.SQLITE_NOTADB: "{file} is not a SQLite database: move it away, {elsewhere}",
    sqlite3.SQLITE_CORRUPT: (
        "{file} is damaged (cut short or overwritten): put a copy in its place, {elsewhere}"
    ),
    sqlite3.SQLITE_READONLY: "{file} may not be written: change its permissions, {elsewhere}",
    sqlite3.SQLITE_CANTOPEN: (
        "{file} cannot be opened or created: it and its directory must be readable and writable, "
        "{elsewhere}"
    ),
    sqlite3.SQLITE_BUSY: (
        "{file} is locked by another program: try again when that is done, {elsewhere}"
    ),
    sqlite3.SQLITE_FULL: (
        "The disk that holds {file} is full: make room, then resume; what was finished is kept."
    ),
    sqlite3.SQLITE_IOERR: (
        "{file} cannot be read or written (disk I/O error): see to the disk, {elsewhere}"
    ),
}

_WRITE_COLUMNS = (
    "writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, "
    "value) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
PUT_WRITES = f"INSERT OR IGNORE INTO {_WRITE_COLUMNS}"
"""A task that runs again keeps what it wrote first ..."""
PUT_SPECIAL_WRITES = f"INSERT OR REPLACE INTO {_WRITE_COLUMNS}"
"""... but its latest error, interrupt or resume counts."""
PUT_CHECKPOINT = (
    "INSERT OR REPLACE INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, "
    "parent_checkpoint_id, type, checkpoint, metadata) VALUES (?, ?, ?, ?, ?, ?, ?)"
)

HAS_CHECKPOINT = (
    "SELECT EXISTS (SELECT 1 FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ?)"
)

DELETE_THREAD = (
    "DELETE FROM writes WHERE thread_id = ?",
    "DELETE FROM checkpoints WHERE thread_id = ?",
)

_OF_RUN = (
    "WHERE (thread_id, checkpoint_ns, checkpoint_id) IN (SELECT thread_id, checkpoint_ns, "
    "checkpoint_id FROM checkpoints WHERE json_extract(CAST(metadata AS TEXT), '$.run_id') = ?)"
)
DELETE_RUN = (f"DELETE FROM writes {_OF_RUN}", f"DELETE FROM checkpoints {_OF_RUN}")

COPY_THREAD = (
    "INSERT OR REPLACE INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, "
    "parent_checkpoint_id, type, checkpoint, metadata) "
    "SELECT :to, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, "
    "CAST(json_replace(CAST(metadata AS TEXT), '$.thread_id', :to) AS BLOB) "
    "FROM checkpoints WHERE thread_id = :from",
    "INSERT OR REPLACE INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, "
    "idx, channel, type, value) "
    "SELECT :to, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value "
    "FROM writes WHERE thread_id = :from",
)

# Per namespace the latest checkpoint stays. A call of a subgraph (its namespace ends in ":" and
# a task id) goes with the root checkpoint that it started from.
_SUPERSEDED = """
WHERE thread_id = :thread AND (checkpoint_ns, checkpoint_id) IN (
    SELECT old.checkpoint_ns, old.checkpoint_id FROM checkpoints AS old
    WHERE old.thread_id = :thread AND EXISTS (
        SELECT 1 FROM checkpoints AS newer
        WHERE newer.thread_id = :thread AND newer.checkpoint_ns = old.checkpoint_ns
        AND newer.checkpoint_id > old.checkpoint_id
    )
    UNION ALL
    SELECT call.checkpoint_ns, call.checkpoint_id
    FROM checkpoints AS call JOIN checkpoints AS root
    ON root.thread_id = :thread AND root.checkpoint_ns = ''
    AND root.checkpoint_id = json_extract(CAST(call.metadata AS TEXT), '$.parents.""')
    WHERE call.thread_id = :thread AND instr(call.checkpoint_ns, ':')
    AND root.checkpoint_id < (
        SELECT max(checkpoint_id) FROM checkpoints
        WHERE thread_id = :thread AND checkpoint_ns = ''
    )
)
"""
KEEP_LATEST = (
    f"DELETE FROM writes {_SUPERSEDED}",
    f"DELETE FROM checkpoints {_SUPERSEDED}",
    "UPDATE checkpoints SET parent_checkpoint_id = NULL WHERE thread_id = :thread",
)
DELTA_THREADS = (
    "SELECT count(*) FROM checkpoints WHERE thread_id = ? "
    "AND json_extract(CAST(metadata AS TEXT), '$.counters_since_delta_snapshot') IS NOT NULL"
)

# The primary key alone tells the newest checkpoints; metadata, which SQLite reaches only past the
# checkpoint's own bytes, is read for no more rows than are asked for.
NEWEST_CHECKPOINTS = """
WITH newest AS (
    SELECT thread_id, max(checkpoint_id) AS checkpoint_id FROM checkpoints
    WHERE checkpoint_ns = '' GROUP BY thread_id ORDER BY 2 DESC LIMIT ?
)
SELECT thread_id, checkpoint_id, metadata
FROM newest JOIN checkpoints USING (thread_id, checkpoint_id)
WHERE checkpoint_ns = '' ORDER BY checkpoint_id DESC
"""
LATEST_CHECKPOINT = (
    "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ''"
)


class Connection(aiosqlite.Connection):
    """A connection that does a transaction in one trip to SQLite's thread, and in few calls.

    Each trip waits for the event loop to notice its end. Each call lets go of Python's lock, and
    has it back only when the event loop, busy with other runs, lets go of it in turn.
    """

    async def transact(self, statements: Sequence[Statement]) -> None:
        """Do all statements and commit; or raise, and nothing of them is kept."""
        await self._execute(self._transact, statements)  # type: ignore[no-untyped-call]

    def _transact(self, statements: Sequence[Statement]) -> None:
        with self._conn:  # commits, or rolls back
            for sql, rows in statements:
                insert, values, row = sql.partition(" VALUES ")
                if not values:
                    self._conn.executemany(sql, rows)
                    continue
                for at in range(0, len(rows), ROWS_AT_ONCE):
                    part = rows[at : at + ROWS_AT_ONCE]
                    several = insert + values + ", ".join([row] * len(part))
                    self._conn.execute(several, list(chain.from_iterable(part)))


class GroupCommitSaver(AsyncSqliteSaver):
    """LangGraph's SQLite saver, its writes committed in groups. Same tables, same rows.

    A put returns when its row is committed, under WAL with `synchronous=FULL`: what it
    acknowledged survives `kill -9` and a power cut alike (as far as the disk tells the truth).
    Reads see every acknowledged write. Files of the plain saver can be opened, and the other
    way round.
    """

    conn: Connection

    def __init__(
        self,
        conn: Connection,
        *,
        serde: SerializerProtocol | None = None,
        file: Path = MEMORY,
    ) -> None:
        super().__init__(conn, serde=serde)
        self.file = file
        # LangGraph copies a saver for every run (`with_allowlist`): the copies share this.
        self.group = GroupCommit(self._commit, _is_common)

    async def setup(self) -> None:
        """Prepare the database, once; raise UnusableDatabase rather than touch a strange one."""
        if not self.is_setup:
            with explaining(self.file):
                await self._prepare()

    async def _prepare(self) -> None:
        """Try until the file is free: switching one to WAL ignores the busy timeout."""
        deadline = time.monotonic() + BUSY_TIMEOUT
        while True:
            try:
                async with self.lock:
                    await self._claim()
                return await super().setup()
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.02)

    async def _claim(self) -> None:
        """Make sure that the file is ours and can be written; give a new one its marks."""
        if self.is_setup:
            return
        if await self._is_new():
            # The automatic vacuum can only be chosen before there are tables; it gives the disk
            # back what is forgotten.
            await self.conn.executescript(
                "PRAGMA auto_vacuum = INCREMENTAL;"
                f"PRAGMA application_id = {APPLICATION};"
                f"PRAGMA user_version = {FORMAT};"
            )
        await self.conn.execute("PRAGMA synchronous = FULL")
        await self.conn.execute("BEGIN IMMEDIATE")
        await self.conn.rollback()

    async def _is_new(self) -> bool:
        """Tell whether the file is still without tables; raise if it is not for us to use."""
        application = await self._number("PRAGMA application_id")
        if application == APPLICATION and await self._number("PRAGMA user_version") > FORMAT:
            raise UnusableDatabase(
                f"{self.file} was written by a newer version of Braid: update langgraph-braid, "
                + _ELSEWHERE
            )
        tables = await self._tables()
        ours = tables.keys() & COLUMNS
        strange = (tables and not ours) or any(not tables[name] >= COLUMNS[name] for name in ours)
        if strange or application not in (0, APPLICATION):
            raise UnusableDatabase(
                f"{self.file} is the database of another program: nothing was changed in it; "
                "set BRAID_DB to another file."
            )
        return not tables

    async def _number(self, sql: str) -> int:
        [(number,)] = await self.conn.execute_fetchall(sql)
        return int(number)

    async def _tables(self) -> dict[str, set[str]]:
        columns = await self.conn.execute_fetchall(
            "SELECT master.name, info.name FROM sqlite_master AS master "
            "JOIN pragma_table_info(master.name) AS info "
            "WHERE master.type = 'table' AND master.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        tables: dict[str, set[str]] = {}
        for table, column in columns:
            tables.setdefault(table, set()).add(column)
        return tables

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint with its pending writes, as the plain saver does."""
        await self.setup()
        with explaining(self.file), decoding(self.file):
            where = config["configurable"]
            place = (str(where["thread_id"]), where.get("checkpoint_ns", ""))
            # The first run on a thread asks, too: one trip to SQLite's thread answers it, not four.
            [(exists,)] = await self.conn.execute_fetchall(HAS_CHECKPOINT, place)
            return await super().aget_tuple(config) if exists else None

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, the newest first.

        All are read before the first is yielded: the plain saver keeps its lock meanwhile, and
        whoever used the saver inside the loop would wait for ever.
        """
        with explaining(self.file):
            listed = super().alist(config, filter=filter, before=before, limit=limit)
            found = [checkpoint async for checkpoint in listed]
        for checkpoint in found:
            yield checkpoint

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint; return its config."""
        where = config["configurable"]
        thread_id, namespace = where["thread_id"], where["checkpoint_ns"]
        described = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False)
        row = (
            str(thread_id),
            namespace,
            checkpoint["id"],
            where.get("checkpoint_id"),
            *self.serde.dumps_typed(checkpoint),
            described.encode("utf-8", "ignore"),
        )
        await self._write((PUT_CHECKPOINT, [row]))
        return {
            "configurable": {
                "thread_id": thread_id,
                "checkpoint_ns": namespace,
                "checkpoint_id": checkpoint["id"],
            }
        }

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a task wrote, for the checkpoint that it ran on."""
        where = config["configurable"]
        task = (
            str(where["thread_id"]),
            str(where["checkpoint_ns"]),
            str(where["checkpoint_id"]),
            task_id,
            task_path,
        )
        rows = [
            (*task, WRITES_IDX_MAP.get(channel, index), channel, *self.serde.dumps_typed(value))
            for index, (channel, value) in enumerate(writes)
        ]
        special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        await self._write((PUT_SPECIAL_WRITES if special else PUT_WRITES, rows))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete all that is kept of a thread."""
        await self._write(*((sql, [(str(thread_id),)]) for sql in DELETE_THREAD))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that the runs made, and what hangs on them.

        LangGraph's server rolls a run back by this; without it the thread would hang.
        """
        runs = [(str(run_id),) for run_id in run_ids]
        await self._write(*((sql, runs) for sql in DELETE_RUN))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread with its whole history."""
        names = {"from": str(source_thread_id), "to": str(target_thread_id)}
        await self._write(*((sql, [names]) for sql in COPY_THREAD))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep only the latest checkpoint of each namespace, or (`"delete"`) nothing.

        All in one transaction; then what became free is given back to the disk. A thread with a
        `DeltaChannel` needs its history: NotImplementedError.
        """
        threads = [str(thread_id) for thread_id in thread_ids]
        if strategy == "delete":
            await self._write(*((sql, [(thread,) for thread in threads]) for sql in DELETE_THREAD))
        elif strategy == "keep_latest":
            await self._refuse_delta_threads(threads)
            names = [{"thread": thread} for thread in threads]
            await self._write(*((sql, names) for sql in KEEP_LATEST))
        else:
            raise ValueError(f"The strategy is keep_latest or delete, not {strategy!r}.")
        with explaining(self.file):
            await self._give_back()

    async def _give_back(self) -> None:
        """Give free pages back to the disk, some at a time, so that others can write in between.

        What stays free is used again by later runs: all of it in a file of the plain saver, the
        rest where another process writes without a pause.
        """
        free, before = await self._number("PRAGMA freelist_count"), None
        try:
            while free and free != before:
                before = free
                async with self.lock:
                    # A script, because `execute` would stop after the first page.
                    await self.conn.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
                    free = await self._number("PRAGMA freelist_count")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise

    async def latest_checkpoint_id(self, thread_id: str) -> str | None:
        """Return the id of a thread's newest checkpoint; None where there is no such thread."""
        with explaining(self.file):
            async with self.lock:
                [(latest,)] = await self.conn.execute_fetchall(LATEST_CHECKPOINT, (thread_id,))
        return None if latest is None else str(latest)

    async def in_use(self) -> int:
        """Return the bytes of the file that hold something; what was forgotten leaves room."""
        with explaining(self.file):
            async with self.lock:
                pages = await self._number("PRAGMA page_count")
                free = await self._number("PRAGMA freelist_count")
                return (pages - free) * await self._number("PRAGMA page_size")

    async def _refuse_delta_threads(self, threads: Sequence[str]) -> None:
        await self.setup()
        for thread in threads:
            async with self.lock:
                [(deltas,)] = await self.conn.execute_fetchall(DELTA_THREADS, (thread,))
            if deltas:
                raise NotImplementedError(
                    f"Thread {thread!r} uses a DeltaChannel, whose value is spread over its "
                    "checkpoints: it cannot be cut down to the latest."
                )

    async def newest_checkpoints(self, limit: int | None) -> list[tuple[str, str, dict[str, Any]]]:
        """Return (thread id, checkpoint id, metadata) of each thread, the newest first."""
        await self.setup()
        with explaining(self.file):
            async with self.lock:
                rows = await self.conn.execute_fetchall(
                    NEWEST_CHECKPOINTS, (-1 if limit is None else limit,)
                )
        with decoding(self.file):
            return [(thread, checkpoint, _metadata(kept)) for thread, checkpoint, kept in rows]

    async def _write(self, *statements: Statement) -> None:
        await self.setup()
        with explaining(self.file):
            await self.group.write(*statements)

    async def _commit(self, statements: Sequence[Statement]) -> None:
        async with self.lock:
            await self.conn.transact(statements)


@asynccontextmanager
async def open_sqlite(
    file: Path, serde: SerializerProtocol | None = None
) -> AsyncIterator[GroupCommitSaver]:
    """Yield a saver on a file, which is created if need be; raise UnusableDatabase."""
    await asyncio.to_thread(check_place, file)
    conn = Connection(lambda: sqlite3.connect(file, timeout=BUSY_TIMEOUT), iter_chunk_size=64)
    with explaining(file):
        await conn
    try:
        saver = GroupCommitSaver(conn, serde=serde, file=file)
        await saver.setup()
        try:
            yield saver
        finally:
            await saver.group.settle()
    finally:
        await conn.close()


async def size(file: Path) -> int:
    """Return the bytes on disk, those of the write-ahead log included."""
    parts = [Path(f"{file}{suffix}") for suffix in ("", "-wal", "-shm")]
    return await asyncio.to_thread(lambda: sum(p.stat().st_size for p in parts if p.is_file()))


@contextmanager
def explaining(file: Path) -> Iterator[None]:
    """Say in one sentence what is wrong with a database, where SQLite has an error code."""
    try:
        yield
    except sqlite3.Error as error:
        sentence = _SENTENCES.get(_code(error))
        if sentence is None:
            raise
        raise UnusableDatabase(sentence.format(file=file, elsewhere=_ELSEWHERE)) from error


def _metadata(kept: str | bytes | None) -> dict[str, Any]:
    metadata = json.loads(kept or "{}")
    if not isinstance(metadata, dict):
        raise ValueError("a checkpoint's metadata is no object")
    return metadata


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for errors of the Python module itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_common(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError)
