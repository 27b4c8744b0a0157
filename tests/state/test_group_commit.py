"""Puts that arrive together share a commit, and each returns only when its row is kept."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import INTERRUPT, RESUME
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from support.checkpoints import at, checkpoint_of, put, written

import state.sqlite
from state import UnusableDatabase, open_checkpointer
from state.sqlite import GroupCommitSaver


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "braid.sqlite"


@pytest.fixture
async def saver(file: Path) -> AsyncIterator[GroupCommitSaver]:
    async with open_checkpointer(file) as opened:
        assert isinstance(opened, GroupCommitSaver)
        yield opened


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Keep every other writer out, as another process in the middle of a transaction does."""
    other = sqlite3.connect(file)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.rollback()
    other.close()


async def commits(saver: GroupCommitSaver) -> list[str]:
    """Return a list that grows by one entry for each commit."""
    seen: list[str] = []
    await saver.conn.set_trace_callback(lambda sql: seen.append(sql) if sql == "COMMIT" else None)
    return seen


def wrote(saver: Any, where: RunnableConfig, task: str) -> asyncio.Task[None]:
    return asyncio.create_task(saver.aput_writes(where, [("channel", task)], task))


async def test_puts_that_arrive_together_share_a_commit(saver: GroupCommitSaver) -> None:
    where, counted = await put(saver, "thread"), await commits(saver)
    tasks = [f"task {n}" for n in range(200)]
    await asyncio.gather(*(wrote(saver, where, task) for task in tasks))
    assert len(counted) < 20
    assert sorted(await written(saver, where)) == sorted(tasks)


async def test_puts_that_arrive_during_a_commit_share_the_next(
    saver: GroupCommitSaver, file: Path
) -> None:
    where, counted = await put(saver, "thread"), await commits(saver)
    with writing(file):
        first = wrote(saver, where, "first")
        for _ in range(5):  # until it is on its way
            await asyncio.sleep(0)
        others = [wrote(saver, where, f"other {n}") for n in range(20)]
        await asyncio.sleep(0)
        assert not first.done()
    await asyncio.gather(first, *others)
    assert len(counted) == 2


async def test_a_put_returns_only_when_another_connection_sees_its_row(
    saver: GroupCommitSaver, file: Path
) -> None:
    where = await put(saver, "thread")
    other = sqlite3.connect(file)

    async def put_and_look(task: str) -> None:
        await saver.aput_writes(where, [("channel", task)], task)
        [(rows,)] = other.execute("SELECT count(*) FROM writes WHERE task_id = ?", (task,))
        assert rows == 1

    await asyncio.gather(*(put_and_look(f"task {n}") for n in range(100)))
    other.close()


async def test_every_commit_waits_for_the_disk(saver: GroupCommitSaver) -> None:
    for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 30_000)):
        [(found,)] = await saver.conn.execute_fetchall(f"PRAGMA {pragma}")
        assert found == value, pragma


async def test_a_bad_row_fails_nobody_but_its_own_put(saver: GroupCommitSaver) -> None:
    where = await put(saver, "thread")
    good = [f"task {n}" for n in range(10)]
    bad = "no text at all: \ud800"
    ended = await asyncio.gather(
        *(wrote(saver, where, task) for task in [*good[:5], bad, *good[5:]]),
        return_exceptions=True,
    )
    assert [type(end) for end in ended].count(type(None)) == 10
    assert isinstance(ended[5], UnicodeEncodeError)
    assert sorted(await written(saver, where)) == good


async def test_a_cancelled_put_leaves_its_neighbours_and_its_row_alone(
    saver: GroupCommitSaver, file: Path
) -> None:
    where = await put(saver, "thread")
    with writing(file):
        tasks = {name: wrote(saver, where, name) for name in "abcde"}
        await asyncio.sleep(0)
        tasks["c"].cancel()
        await asyncio.wait([tasks["c"]])
    await asyncio.gather(*(task for name, task in tasks.items() if name != "c"))
    assert tasks["c"].cancelled()
    assert sorted(await written(saver, where)) == list("abcde")


async def test_closing_waits_for_what_was_put_and_cancelled(file: Path) -> None:
    async with open_checkpointer(file) as saver:
        where = await put(saver, "thread")
        task = wrote(saver, where, "late")
        await asyncio.sleep(0)
        task.cancel()
    async with open_checkpointer(file) as saver:
        assert await written(saver, where) == {"late": "late"}


async def test_puts_are_kept_in_the_order_of_their_arrival(saver: GroupCommitSaver) -> None:
    where = await put(saver, "thread")
    checkpoint = checkpoint_of({"count": 0})

    def numbered(number: int) -> Any:
        values = {**checkpoint, "channel_values": {"count": number}}
        return saver.aput(where, values, {}, {})  # type: ignore[typeddict-item]

    await asyncio.gather(
        *(numbered(n) for n in range(50)),
        *(saver.aput_writes(where, [(RESUME, list(range(n)))], "task") for n in range(50)),
        *(saver.aput_writes(where, [("channel", n)], "other task") for n in range(50)),
    )
    latest = await saver.aget_tuple(at("thread"))
    assert latest is not None
    assert latest.checkpoint["channel_values"] == {"count": 49}
    # A resume replaces the one before; an ordinary write stays as it was first.
    assert await written(saver, where) == {"task": list(range(49)), "other task": 0}


async def test_the_copies_that_langgraph_makes_for_a_run_share_the_commits(
    saver: GroupCommitSaver,
) -> None:
    where, counted = await put(saver, "thread"), await commits(saver)
    savers = [saver.with_allowlist([("module", f"Type{n}")]) for n in range(10)]
    await asyncio.gather(
        *(wrote(each, where, f"{i}-{n}") for n in range(10) for i, each in enumerate(savers))
    )
    assert len(counted) < 10
    assert len(await written(saver, where)) == 100


async def test_a_locked_database_fails_all_that_wait_and_none_that_follow(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state.sqlite, "BUSY_TIMEOUT", 0.05)
    async with open_checkpointer(file) as saver:
        where = await put(saver, "thread")
        with writing(file):
            waiting = [wrote(saver, where, f"task {n}") for n in range(5)]
            ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert all("is locked by another program" in str(end) for end in ended)
        await wrote(saver, where, "afterwards")
        assert await written(saver, where) == {"afterwards": "afterwards"}


async def test_a_full_disk_is_named_and_keeps_what_was_acknowledged(
    saver: GroupCommitSaver,
) -> None:
    where = await put(saver, "thread")
    await wrote(saver, where, "before")
    await saver.conn.execute("PRAGMA max_page_count = 20")
    with pytest.raises(UnusableDatabase, match=r"The disk that holds .* is full: make room"):
        await saver.aput_writes(where, [("a", "small"), ("b", "x" * 200_000)], "too large")
    assert await written(saver, where) == {"before": "before"}
    await saver.conn.execute("PRAGMA max_page_count = 20000")
    await wrote(saver, where, "after")
    assert sorted(await written(saver, where)) == ["after", "before"]


async def test_a_delete_that_fails_halfway_deletes_nothing(saver: GroupCommitSaver) -> None:
    where = await put(saver, "thread")
    await wrote(saver, where, "task")
    await saver.conn.execute(
        "CREATE TRIGGER keep BEFORE DELETE ON checkpoints BEGIN SELECT RAISE(ABORT, 'kept'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="kept"):
        await saver.adelete_thread("thread")
    await put(saver, "another thread")
    assert await written(saver, where) == {"task": "task"}


async def test_a_loop_over_checkpoints_may_use_the_checkpointer(saver: GroupCommitSaver) -> None:
    for _ in range(3):
        await put(saver, "thread")
    seen = 0
    async with asyncio.timeout(30):
        async for checkpoint in saver.alist(at("thread")):
            assert await saver.aget_tuple(checkpoint.config)
            await put(saver, "thread")
            seen += 1
    assert seen == 3


async def test_the_rows_are_those_of_the_plain_saver(tmp_path: Path, file: Path) -> None:
    checkpoint = checkpoint_of({"text": "ä", "list": [1, {"a": None}], "number": 0.5})

    async def fill(saver: AsyncSqliteSaver) -> list[list[Any]]:
        where = at("thread", "outer|inner:1", checkpoint_id="parent")
        where["metadata"] = {"workflow": "toy", "nul": "a\0b"}
        made = await saver.aput(where, checkpoint, {"source": "loop", "step": 3}, {})
        await saver.aput_writes(made, [("a", 1), ("b", {"c": [2]})], "task", "~path")
        await saver.aput_writes(made, [("a", 3)], "task", "~path")
        await saver.aput_writes(made, [(INTERRUPT, ("ask",))], "task")
        await saver.aput_writes(made, [("a", 4), (INTERRUPT, ("again",))], "task two")
        return [
            sorted(await saver.conn.execute_fetchall(f"SELECT * FROM {table}"))
            for table in ("checkpoints", "writes")
        ]

    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "plain.sqlite")) as plain:
        await plain.setup()
        expected = await fill(plain)
    async with open_checkpointer(file) as ours:
        assert isinstance(ours, GroupCommitSaver)
        assert await fill(ours) == expected
