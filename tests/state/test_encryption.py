"""With LANGGRAPH_AES_KEY what is kept cannot be read without the key."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import psycopg
import pytest
from langchain_core.runnables import RunnableConfig
from support.checkpoints import at, put, written

from state import UnusableDatabase, list_threads, open_checkpointer

KEY, OTHER_KEY = "0123456789abcdef", "fedcba9876543210"
CANARY = "the canary sings at dawn"


async def fill(database: str) -> RunnableConfig:
    async with open_checkpointer(database) as saver:
        where = await put(saver, "thread", {"text": CANARY, "list": [CANARY]}, workflow="toy")
        await saver.aput_writes(where, [("channel", CANARY)], "task")
        return where


def dump(database: str) -> str:
    """Return every row of the database as text."""
    if not database.startswith("postgresql"):
        with sqlite3.connect(database) as conn:
            return "\n".join(
                repr(row)
                for table in ("checkpoints", "writes")
                for row in conn.execute(f"SELECT * FROM {table}")
            )
    with psycopg.connect(database) as server:
        return "\n".join(
            repr([bytes(cell) if isinstance(cell, memoryview) else cell for cell in row])
            for table in (b"checkpoints", b"checkpoint_blobs", b"checkpoint_writes")
            for row in server.execute(b"SELECT * FROM " + table)
        )


async def test_nothing_that_a_workflow_wrote_is_legible(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGGRAPH_AES_KEY", KEY)
    where = await fill(database)
    assert CANARY not in dump(database)
    async with open_checkpointer(database) as saver:
        found = await saver.aget_tuple(at("thread"))
        assert found
        assert found.checkpoint["channel_values"] == {"text": CANARY, "list": [CANARY]}
        assert await written(saver, where) == {"task": CANARY}
        [thread] = await list_threads(saver)
        assert thread.metadata["workflow"] == "toy"


async def test_without_a_key_the_dump_would_show_it(database: str) -> None:
    await fill(database)
    assert dump(database).count(CANARY) == 3


@pytest.mark.parametrize("key", [OTHER_KEY, None])
async def test_another_key_or_none_is_told_in_one_sentence(
    database: str, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGGRAPH_AES_KEY", KEY)
    await fill(database)
    if key:
        monkeypatch.setenv("LANGGRAPH_AES_KEY", key)
    else:
        monkeypatch.delenv("LANGGRAPH_AES_KEY")
    async with open_checkpointer(database) as saver:
        with pytest.raises(UnusableDatabase, match="or written with another LANGGRAPH_AES_KEY"):
            await saver.aget_tuple(at("thread"))


async def test_what_was_kept_before_there_was_a_key_can_still_be_read(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(database)
    monkeypatch.setenv("LANGGRAPH_AES_KEY", KEY)
    async with open_checkpointer(database) as saver:
        found = await saver.aget_tuple(at("thread"))
        assert found
        assert found.checkpoint["channel_values"]["text"] == CANARY


async def test_a_key_of_the_wrong_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGGRAPH_AES_KEY", "short")
    with pytest.raises(UnusableDatabase, match="must be 16, 24 or 32 bytes long"):
        await fill(str(tmp_path / "braid.sqlite"))
    assert not list(tmp_path.iterdir())


async def test_a_key_without_the_library_that_encrypts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGGRAPH_AES_KEY", KEY)
    monkeypatch.setitem(sys.modules, "Crypto.Cipher", None)
    with pytest.raises(UnusableDatabase, match="pip install pycryptodome"):
        await fill(str(tmp_path / "braid.sqlite"))
