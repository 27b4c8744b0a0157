"""PostgreSQL: LangGraph's saver on a pool of connections, for more than one machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg import AsyncConnection, Error, InterfaceError, OperationalError
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import ProgramLimitExceeded
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from state.database import UnusableDatabase
from state.group_commit import GroupCommit, Statement
from state.serde import decoding

T = TypeVar("T")
Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

PATIENCE = 30.0
"""Seconds to wait for a server that restarts, and for another process that sets up."""
LONGEST_GOODBYE = 5.0
"""Seconds to wait for a server to confirm that a lock is given back."""
CONNECTIONS = 8
"""At most, for each process."""
LOST = (OperationalError, InterfaceError)
"""What psycopg raises when the server is not there, goes away or has no room."""

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations")

DELETE_THREAD = tuple(f"DELETE FROM {table} WHERE thread_id = %s" for table in TABLES[:3])

_OF_RUN = (
    "WHERE (thread_id, checkpoint_ns, checkpoint_id) IN (SELECT thread_id, checkpoint_ns, "
    "checkpoint_id FROM checkpoints WHERE metadata ->> 'run_id' = %s)"
)
DELETE_RUN = (f"DELETE FROM checkpoint_writes {_OF_RUN}", f"DELETE FROM checkpoints {_OF_RUN}")

COPY_THREAD = (
    "INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob) "
    "SELECT %(to)s, checkpoint_ns, channel, version, type, blob "
    "FROM checkpoint_blobs WHERE thread_id = %(from)s ON CONFLICT DO NOTHING",
    "INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, "
    "idx, channel, type, blob) SELECT %(to)s, checkpoint_ns, checkpoint_id, task_id, task_path, "
    "idx, channel, type, blob "
    "FROM checkpoint_writes WHERE thread_id = %(from)s ON CONFLICT DO NOTHING",
    "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, "
    "type, checkpoint, metadata) SELECT %(to)s, checkpoint_ns, checkpoint_id, "
    "parent_checkpoint_id, type, checkpoint, "
    "jsonb_set(metadata, '{thread_id}', to_jsonb(%(to)s::text), false) "
    "FROM checkpoints WHERE thread_id = %(from)s ON CONFLICT DO NOTHING",
)

NEWEST_CHECKPOINTS = """
WITH newest AS (
    SELECT thread_id, max(checkpoint_id) AS checkpoint_id FROM checkpoints
    WHERE checkpoint_ns = '' GROUP BY thread_id ORDER BY 2 DESC LIMIT %s
)
SELECT thread_id, checkpoint_id, metadata
FROM newest JOIN checkpoints USING (thread_id, checkpoint_id)
WHERE checkpoint_ns = '' ORDER BY checkpoint_id DESC
"""

LATEST_CHECKPOINT = (
    "SELECT max(checkpoint_id) AS id FROM checkpoints WHERE thread_id = %s AND checkpoint_ns = ''"
)
# The server's tables keep their size when rows go, so what the rows hold is counted; what a value
# takes is known without reading it.
IN_USE = """
SELECT (SELECT coalesce(sum(pg_column_size(checkpoint) + pg_column_size(metadata)), 0)
        FROM checkpoints)
     + (SELECT coalesce(sum(pg_column_size(blob)), 0) FROM checkpoint_blobs)
     + (SELECT coalesce(sum(pg_column_size(blob)), 0) FROM checkpoint_writes) AS bytes
"""
SIZE = " + ".join(f"coalesce(pg_total_relation_size(to_regclass('{name}')), 0)" for name in TABLES)


class PostgresSaver(AsyncPostgresSaver):
    """LangGraph's PostgreSQL saver, its writes committed in groups.

    A put returns when its row is committed; the server's `synchronous_commit` says what a power
    cut leaves of it. A server that restarts in the middle is waited for. The plain saver reads
    what this one wrote, and the other way round.
    """

    conn: Pool

    def __init__(
        self,
        pool: Pool,
        *,
        serde: SerializerProtocol | None = None,
        name: str = "The PostgreSQL database",
    ) -> None:
        super().__init__(pool, serde=serde)
        self.lock = _Open()
        self.name = name
        # LangGraph copies a saver for every run (`with_allowlist`): the copies share this.
        self.group = GroupCommit(self._commit, _is_lost)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint with its pending writes, as the plain saver does."""
        read = super().aget_tuple
        with decoding(self.name):
            return await self._insist(lambda: read(config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, the newest first; no connection is kept meanwhile."""
        read = super().alist

        async def found() -> list[CheckpointTuple]:
            listed = read(config, filter=filter, before=before, limit=limit)
            return [checkpoint async for checkpoint in listed]

        for checkpoint in await self._insist(found):
            yield checkpoint

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint; return its config.

        Every value becomes a blob. The plain saver writes strings and numbers as JSON instead,
        which PostgreSQL refuses for a NUL or a NaN in them, and which nothing would encrypt.
        """
        where = config["configurable"]
        thread_id, namespace = where["thread_id"], where["checkpoint_ns"]
        values, versions = checkpoint["channel_values"], checkpoint["channel_versions"]
        to_keep = {
            channel: versions[channel]
            for channel, value in values.items()
            # What the plain saver wrote as JSON has no blob of its version yet.
            if channel in versions and (channel in new_versions or _is_plain(value))
        }
        row = (
            thread_id,
            namespace,
            checkpoint["id"],
            where.get("checkpoint_id"),
            Jsonb({**checkpoint, "channel_values": {}}),
            Jsonb(get_serializable_checkpoint_metadata(config, metadata)),
        )
        blobs = self._dump_blobs(thread_id, namespace, values, to_keep)
        await self._write(
            (self.UPSERT_CHECKPOINT_BLOBS_SQL, blobs), (self.UPSERT_CHECKPOINTS_SQL, [row])
        )
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
        rows = self._dump_writes(
            where["thread_id"],
            where["checkpoint_ns"],
            where["checkpoint_id"],
            task_id,
            task_path,
            writes,
        )
        special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        sql = self.UPSERT_CHECKPOINT_WRITES_SQL if special else self.INSERT_CHECKPOINT_WRITES_SQL
        await self._write((sql, rows))

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

    async def newest_checkpoints(self, limit: int | None) -> list[tuple[str, str, dict[str, Any]]]:
        """Return (thread id, checkpoint id, metadata) of each thread, the newest first."""

        async def read() -> list[DictRow]:
            async with self.conn.connection() as conn:
                return await (await conn.execute(NEWEST_CHECKPOINTS, (limit,))).fetchall()

        rows = await self._insist(read)
        return [(row["thread_id"], row["checkpoint_id"], row["metadata"]) for row in rows]

    async def latest_checkpoint_id(self, thread_id: str) -> str | None:
        """Return the id of a thread's newest checkpoint; None where there is no such thread."""
        latest: str | None = (await self._row(LATEST_CHECKPOINT, thread_id))["id"]
        return latest

    async def in_use(self) -> int:
        """Return the bytes of what is kept; the room of what was forgotten is used again."""
        return int((await self._row(IN_USE))["bytes"])

    async def _row(self, sql: str, *values: str) -> DictRow:
        async def read() -> DictRow | None:
            async with self.conn.connection() as conn:
                return await (await conn.execute(sql, values)).fetchone()

        row = await self._insist(read)
        assert row is not None  # what is asked for is a maximum, or a sum
        return row

    async def _write(self, *statements: Statement) -> None:
        with explaining(self.name):
            await self.group.write(*statements)

    async def _commit(self, statements: Sequence[Statement]) -> None:
        async def commit() -> None:
            async with self.conn.connection() as conn, conn.pipeline(), conn.transaction():
                cursor = conn.cursor()
                for sql, rows in statements:
                    await cursor.executemany(sql, rows)

        await self._again(commit)

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        with explaining(self.name):
            return await self._again(call)

    async def _again(self, call: Callable[[], Awaitable[T]]) -> T:
        """Do it again if the server went away in the middle of it: nothing here adds up."""
        try:
            return await call()
        except PoolTimeout:
            raise
        except LOST:
            await self.conn.check()
            return await call()


class _Open(asyncio.Lock):
    """A lock that everybody holds: on a pool each read has a connection of its own."""

    async def acquire(self) -> bool:  # type: ignore[override]
        return True

    def release(self) -> None:
        pass


@asynccontextmanager
async def open_postgres(
    url: str, serde: SerializerProtocol | None = None
) -> AsyncIterator[PostgresSaver]:
    """Yield a saver on a database, whose tables are made if need be; raise UnusableDatabase."""
    name = describe(url)
    async with _connect(url) as conn:
        await _set_up(conn, name)
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool[Connection](
        url, min_size=1, max_size=CONNECTIONS, timeout=PATIENCE, kwargs=options, open=False
    ) as pool:
        saver = PostgresSaver(pool, serde=serde, name=name)
        try:
            yield saver
        finally:
            await saver.group.settle()


@asynccontextmanager
async def hold(url: str, name: str) -> AsyncIterator[bool]:
    """Yield whether the lock of that name was free; it is held meanwhile, if so.

    A session's advisory lock, on a connection of its own: the server frees it when the connection
    ends, also by `kill -9`. When a whole machine vanishes that takes the server's keep-alive,
    here a minute. A restart of the server frees every lock; a pooler between us must keep sessions
    apart (PgBouncer: `pool_mode = session`).
    """
    async with _connect(url) as conn:
        with explaining(describe(url), Error):
            await conn.execute("SET tcp_keepalives_idle = 30")
            await conn.execute("SET tcp_keepalives_interval = 10")
            await conn.execute("SET tcp_keepalives_count = 3")
            free = await _try_lock(conn, name)
        try:
            yield free
        finally:
            # The end of the connection would free it as well, but only a moment later.
            with suppress(Error, TimeoutError):
                async with asyncio.timeout(LONGEST_GOODBYE):
                    await conn.execute("SELECT pg_advisory_unlock_all()")


async def size(url: str) -> int:
    """Return the bytes that the saver's tables take on the server's disk, with their indexes."""
    async with _connect(url) as conn:
        with explaining(describe(url), Error):
            row = await (await conn.execute(f"SELECT {SIZE} AS bytes")).fetchone()
    return int(row["bytes"]) if row else 0


def describe(url: str) -> str:
    """Name a database in a sentence, without the password."""
    try:
        parts = conninfo_to_dict(url)
    except Error:
        raise UnusableDatabase(
            "The address of the PostgreSQL database cannot be read: write it as "
            "postgresql://user@host:5432/database."
        ) from None
    where = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
    return f"The PostgreSQL database {parts.get('dbname', '')!r} at {where}"


@contextmanager
def explaining(name: str, errors: type[Error] | tuple[type[Error], ...] = LOST) -> Iterator[None]:
    """Say in one sentence what is wrong with the database."""
    try:
        yield
    except errors as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise UnusableDatabase(f"{name} cannot be used: {reason}.") from error


@asynccontextmanager
async def _connect(url: str) -> AsyncIterator[Connection]:
    with explaining(describe(url), Error):
        conn = await AsyncConnection.connect(
            url, autocommit=True, prepare_threshold=0, row_factory=dict_row, connect_timeout=10
        )
    try:
        yield conn
    finally:
        await conn.close()


async def _set_up(conn: Connection, name: str) -> None:
    """Make the tables, one process at a time; raise if what is there is not ours to use."""
    saver = AsyncPostgresSaver(conn)
    latest = len(saver.MIGRATIONS) - 1
    deadline = time.monotonic() + PATIENCE
    with explaining(name, Error):
        while (version := await _version(conn, name)) < latest:
            # Asked again and again: a session that *waits* for the lock would be waited for by
            # CREATE INDEX CONCURRENTLY, and both for ever.
            if await _try_lock(conn, "set-up"):
                return await saver.setup()
            if time.monotonic() > deadline:
                raise UnusableDatabase(f"{name} is being set up by another process: try again.")
            await asyncio.sleep(0.05)
    if version > latest:
        raise UnusableDatabase(
            f"{name} was written by a newer version of langgraph-checkpoint-postgres: update it."
        )


async def _version(conn: Connection, name: str) -> int:
    """Return the last migration that was done, -1 in a database without our tables."""
    tables = await (
        await conn.execute(
            "SELECT to_regclass('checkpoint_migrations') AS ours, "
            "to_regclass('checkpoints') AS found"
        )
    ).fetchone()
    assert tables is not None
    if tables["ours"] is None:
        if tables["found"] is not None:
            raise UnusableDatabase(
                f"{name} has a table `checkpoints` of another program: name another database."
            )
        return -1
    row = await (
        await conn.execute("SELECT coalesce(max(v), -1) AS version FROM checkpoint_migrations")
    ).fetchone()
    assert row is not None
    return int(row["version"])


async def _try_lock(conn: Connection, name: str) -> bool:
    key = int.from_bytes(sha256(f"braid:{name}".encode("utf-8", "surrogatepass")).digest()[:8]) >> 1
    row = await (await conn.execute("SELECT pg_try_advisory_lock(%s) AS free", (key,))).fetchone()
    return bool(row and row["free"])


def _is_lost(error: Exception) -> bool:
    # psycopg counts a thread id that is too long for the index among the OperationalErrors.
    return isinstance(error, LOST) and not isinstance(error, ProgramLimitExceeded)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)
