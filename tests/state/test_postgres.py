"""What is particular to PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import isnan
from secrets import token_hex
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from support.checkpoints import at, checkpoint_of, put, written
from support.databases import administer

import state.postgres
from state import UnusableDatabase, hold_thread, open_checkpointer


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def disconnect_everybody(url: str) -> None:
    administer(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(url)}'"
    )


@asynccontextmanager
async def plain_saver(url: str) -> AsyncIterator[AsyncPostgresSaver]:
    async with AsyncPostgresSaver.from_conn_string(url) as saver:
        await saver.setup()
        yield saver


async def refusal(url: str) -> str:
    """Return the sentence with which a database is refused."""
    with pytest.raises(UnusableDatabase) as error:
        async with open_checkpointer(url):
            pass
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)
    return str(error.value)


async def test_a_lock_is_free_at_once_when_its_holder_is_done(postgres_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as other:

        async def held() -> int:
            rows = await other.execute(
                "SELECT count(*) FROM pg_locks JOIN pg_database AS here ON here.oid = database "
                "WHERE locktype = 'advisory' AND datname = current_database()"
            )
            [(number,)] = await rows.fetchall()
            return int(number)

        for _ in range(30):
            async with hold_thread(postgres_url, "thread"):
                assert await held() == 1
            assert await held() == 0


async def test_puts_outlive_the_end_of_every_connection(postgres_url: str) -> None:
    async with open_checkpointer(postgres_url) as saver:
        where = await put(saver, "thread")
        for life in range(3):
            await asyncio.gather(*(put(saver, f"thread {n}") for n in range(20)))
            disconnect_everybody(postgres_url)
            await asyncio.gather(
                *(saver.aput_writes(where, [("channel", n)], f"task {life}-{n}") for n in range(50))
            )
        disconnect_everybody(postgres_url)
        assert len(await written(saver, where)) == 150


async def test_a_server_that_is_away_for_a_moment_is_waited_for(postgres_url: str) -> None:
    async with open_checkpointer(postgres_url) as saver:
        where = await put(saver, "thread")
        administer(f"ALTER DATABASE {name_of(postgres_url)} ALLOW_CONNECTIONS false")
        disconnect_everybody(postgres_url)
        waiting = asyncio.create_task(saver.aput_writes(where, [("channel", 1)], "task"))
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()
        administer(f"ALTER DATABASE {name_of(postgres_url)} ALLOW_CONNECTIONS true")
        await waiting
        assert await written(saver, where) == {"task": 1}


async def test_a_server_that_stays_away_is_named(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state.postgres, "PATIENCE", 0.5)
    async with open_checkpointer(postgres_url) as saver:
        administer(f"ALTER DATABASE {name_of(postgres_url)} ALLOW_CONNECTIONS false")
        disconnect_everybody(postgres_url)
        with pytest.raises(UnusableDatabase, match=r"^The PostgreSQL database '.*' at .* cannot"):
            await put(saver, "thread")


async def test_puts_that_arrive_together_share_a_transaction(postgres_url: str) -> None:
    async def transactions() -> int:
        async with await psycopg.AsyncConnection.connect(postgres_url) as conn:
            row = await (await conn.execute("SELECT txid_current()")).fetchone()
            assert row
            return int(row[0])

    async with open_checkpointer(postgres_url) as saver:
        where, before = await put(saver, "thread"), await transactions()
        await asyncio.gather(
            *(saver.aput_writes(where, [("channel", n)], f"task {n}") for n in range(200))
        )
        assert await transactions() - before < 20
        assert len(await written(saver, where)) == 200


async def test_a_bad_row_fails_nobody_but_its_own_put(postgres_url: str) -> None:
    async with open_checkpointer(postgres_url) as saver:
        where = await put(saver, "thread")
        ended = await asyncio.gather(
            *(
                saver.aput_writes(where, [("channel", 1)], task)
                for task in ("one", "no \0 text", "too long " + token_hex(5000), "two")
            ),
            return_exceptions=True,
        )
        assert [type(end) for end in ended] == [
            type(None),
            psycopg.DataError,
            UnusableDatabase,
            type(None),
        ]
        assert sorted(await written(saver, where)) == ["one", "two"]


@pytest.mark.parametrize("value", ["NUL \0 inside", float("nan"), float("inf"), 2**63 - 1, None])
async def test_every_plain_value_comes_back(postgres_url: str, value: Any) -> None:
    async with open_checkpointer(postgres_url) as saver:
        await put(saver, "thread", {"value": value})
        found = await saver.aget_tuple(at("thread"))
        assert found
        [kept] = found.checkpoint["channel_values"].values()
        assert kept == value or (isinstance(value, float) and isnan(value) and isnan(kept))


async def test_a_thread_of_the_plain_saver_is_continued_and_read_back(postgres_url: str) -> None:
    checkpoint = checkpoint_of({"text": "plain", "list": [1]})
    async with plain_saver(postgres_url) as plain:
        await plain.aput(at("thread"), checkpoint, {}, checkpoint["channel_versions"])
    async with open_checkpointer(postgres_url) as saver:
        found = await saver.aget_tuple(at("thread"))
        assert found
        assert found.checkpoint["channel_values"] == {"text": "plain", "list": [1]}
        # The next checkpoint changes only one of them, and says so.
        later = checkpoint_of({"text": "plain", "list": [1, 2]})
        versions = later["channel_versions"]
        versions["text"] = checkpoint["channel_versions"]["text"]
        await saver.aput(found.config, later, {}, {"list": versions["list"]})
    async with plain_saver(postgres_url) as plain:
        again = await plain.aget_tuple(at("thread"))
        assert again
        assert again.checkpoint["channel_values"] == {"text": "plain", "list": [1, 2]}


async def test_a_server_that_nobody_runs() -> None:
    sentence = await refusal("postgresql://me:secret@127.0.0.1:1/runs")
    assert sentence.startswith("The PostgreSQL database 'runs' at 127.0.0.1:1 cannot be used: ")


async def test_a_database_that_does_not_exist(postgres_url: str) -> None:
    assert "does not exist" in await refusal(f"{postgres_url}_not")


async def test_an_address_that_cannot_be_read() -> None:
    sentence = await refusal("postgresql://me:secret@[host/runs")
    assert "write it as postgresql://user@host:5432/database" in sentence


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("CREATE TABLE checkpoints (place TEXT)", "has a table `checkpoints` of another program"),
        (
            "CREATE TABLE checkpoint_migrations (v INTEGER); "
            "INSERT INTO checkpoint_migrations VALUES (99)",
            "was written by a newer version of langgraph-checkpoint-postgres",
        ),
    ],
)
async def test_tables_that_are_not_for_us(postgres_url: str, sql: str, sentence: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(sql.encode())
    assert sentence in await refusal(postgres_url)


async def test_a_user_who_may_not_make_tables(postgres_url: str) -> None:
    role = f"{name_of(postgres_url)}_guest"
    administer(f"CREATE ROLE {role} LOGIN")
    try:
        guest = f"postgresql://{role}@{postgres_url.partition('@')[2]}"
        with psycopg.connect(postgres_url, autocommit=True) as conn:
            conn.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        assert "permission denied for schema public" in await refusal(guest)
    finally:
        administer(f"DROP ROLE {role}")


async def test_a_set_up_that_another_process_never_ends(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state.postgres, "PATIENCE", 0.1)
    async with state.postgres.hold(postgres_url, "set-up"):
        assert "is being set up by another process" in await refusal(postgres_url)


async def test_without_the_extra_the_sentence_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "state.postgres", raising=False)
    monkeypatch.delattr("state.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    sentence = await refusal("postgresql://127.0.0.1/runs")
    assert 'pip install "langgraph-braid[postgres]"' in sentence
    with pytest.raises(UnusableDatabase, match="needs an extra"):
        async with hold_thread("postgresql://127.0.0.1/runs", "thread"):
            pass
