"""Which threads are kept, and forgetting them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen

import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from support.checkpoints import at, put, written

from state import database_size, forget, last_change, list_threads, open_checkpointer, sqlite

Child = Popen[str]


async def test_threads_come_newest_first_with_the_metadata_of_their_latest_run(
    database: str,
) -> None:
    started = datetime.now(UTC)
    async with open_checkpointer(database) as saver:
        await put(saver, "older", workflow="first")
        await put(saver, "newer", workflow="toy")
        await put(saver, "older", workflow="second")
        await put(saver, "older", namespace="branch:1", workflow="within")
        threads = await list_threads(saver)
        assert [(t.thread_id, t.metadata["workflow"]) for t in threads] == [
            ("older", "second"),
            ("newer", "toy"),
        ]
        assert started <= threads[1].updated <= threads[0].updated <= datetime.now(UTC)
        assert [t.thread_id for t in await list_threads(saver, limit=1)] == ["older"]


async def test_listing_decodes_no_state(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_checkpointer(database) as saver:
        await put(saver, "thread", {"text": "value"})
        monkeypatch.setattr(saver, "serde", None)
        assert len(await list_threads(saver)) == 1


async def test_a_database_without_threads_lists_none(database: str) -> None:
    async with open_checkpointer(database) as saver:
        assert await list_threads(saver) == []


async def test_threads_are_told_by_the_age_of_their_last_checkpoint(database: str) -> None:
    async with open_checkpointer(database) as saver:
        await put(saver, "older")
        between = datetime.now(UTC)
        await put(saver, "newer")
        await put(saver, "older", namespace="branch:1")
        older = await list_threads(saver, changed_before=between)
        assert [t.thread_id for t in older] == ["older"]
        assert await last_change(saver, "older") == older[0].updated
        await put(saver, "older")
        assert await list_threads(saver, changed_before=between) == []
        both = await list_threads(saver, changed_before=datetime.now(UTC))
        assert [t.thread_id for t in both] == ["older", "newer"]
        [newest] = await list_threads(saver, limit=1, changed_before=datetime.now(UTC))
        assert newest.thread_id == "older"
        assert await last_change(saver, "nobody") is None


async def test_forgetting_deletes_these_threads_and_no_others(database: str) -> None:
    async with open_checkpointer(database) as saver:
        for name in ("one", "two", "three"):
            where = await put(saver, name)
            await put(saver, name, namespace="branch:1")
            await saver.aput_writes(where, [("channel", name)], "task")
        await forget(saver, ["one", "three", "never there"])
        assert [t.thread_id for t in await list_threads(saver)] == ["two"]
        assert await saver.aget_tuple(at("one")) is None
        assert await saver.aget_tuple(at("one", "branch:1")) is None
        assert await saver.aget_tuple(at("two", "branch:1"))


async def test_a_forgotten_thread_gives_its_disk_back(tmp_path: Path) -> None:
    file = tmp_path / "braid.sqlite"
    async with open_checkpointer(file) as saver:
        await put(saver, "small")
        for _ in range(20):
            await put(saver, "large", {"text": "x" * 100_000})
    before = await database_size(file)
    assert before > 2_000_000
    async with open_checkpointer(file) as saver:
        await forget(saver, ["large"])
    assert await database_size(file) < before / 10


async def test_disk_is_given_back_in_steps_until_all_of_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PAGES_AT_ONCE", 7)
    async with open_checkpointer(tmp_path / "braid.sqlite") as saver:
        assert isinstance(saver, sqlite.GroupCommitSaver)
        before = await saver.in_use()
        await put(saver, "large", {"text": "x" * 1_000_000})
        await forget(saver, ["large"])
        assert await saver.in_use() == before
        [(free,)] = await saver.conn.execute_fetchall("PRAGMA freelist_count")
        assert free == 0


async def test_forgetting_waits_for_nobody_and_stops_nobody(
    database: str, child: Callable[..., Child]
) -> None:
    async with open_checkpointer(database) as saver:
        where = await put(saver, "worked on")
        for number in range(20):
            await put(saver, f"{number}", {"text": "x" * 500_000})
        writer = child("put", database, "worked on", where["configurable"]["checkpoint_id"], "life")
        acknowledged = {first_line(writer)}
        for number in range(20):
            await forget(saver, [f"{number}"])
            acknowledged.add(first_line(writer))
        assert writer.poll() is None
        writer.kill()
        assert writer.stdout
        # Not by `communicate`, which leaves out what was read ahead and so begins within a line.
        acknowledged.update(writer.stdout.read().split("\n")[:-1])
        assert acknowledged <= (await written(saver, where)).keys()
        assert [t.thread_id for t in await list_threads(saver)] == ["worked on"]


def first_line(process: Child) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


async def test_a_file_of_the_plain_saver_uses_its_room_again(tmp_path: Path) -> None:
    file = tmp_path / "plain.sqlite"
    large = {"text": "x" * 1_000_000}
    async with AsyncSqliteSaver.from_conn_string(str(file)) as plain:
        await put(plain, "large", large)
    size = await database_size(file)
    async with open_checkpointer(file) as saver:
        before = await saver.in_use()
        await forget(saver, ["large"])
        assert await saver.in_use() < before / 10
        await put(saver, "as large", large)
    assert await database_size(file) == size


async def test_the_size_of_a_database_grows_with_what_is_kept(database: str) -> None:
    async with open_checkpointer(database) as saver:
        before = await database_size(database)
        for number in range(20):
            await put(saver, "thread", {"text": f"{number}" * 50_000})
        assert await database_size(database) > before > 0


async def test_a_database_that_is_not_there_takes_no_room(tmp_path: Path) -> None:
    assert await database_size(tmp_path / "braid.sqlite") == 0
    assert await database_size(":memory:") == 0


async def test_only_the_latest_of_each_namespace_is_kept_and_calls_of_old_checkpoints_go(
    database: str,
) -> None:
    async with open_checkpointer(database) as saver:
        first = await put(saver, "thread", {"step": [1]})
        parents = {"": first["configurable"]["checkpoint_id"]}
        await put(saver, "thread", namespace="branch:old", parents=parents)
        await saver.aput_writes(first, [("channel", "old")], "task")
        latest = await put(saver, "thread", {"step": [2]})
        parents = {"": latest["configurable"]["checkpoint_id"]}
        await put(saver, "thread", namespace="branch:new", parents=parents)
        await saver.aput_writes(latest, [("channel", "new")], "task")

        await saver.aprune(["thread"])

        kept = [found async for found in saver.alist({"configurable": {"thread_id": "thread"}})]
        assert {found.config["configurable"]["checkpoint_ns"] for found in kept} == {
            "",
            "branch:new",
        }
        root = await saver.aget_tuple(at("thread"))
        assert root is not None
        assert root.checkpoint["channel_values"] == {"step": [2]}
        assert root.pending_writes == [("task", "channel", "new")]
        assert len(kept) == 2


async def test_a_strategy_that_does_not_exist_is_refused(database: str) -> None:
    async with open_checkpointer(database) as saver:
        with pytest.raises(ValueError, match="strategy"):
            await saver.aprune(["thread"], strategy="keep_some")
