"""`braid forget` and `braid threads --older-than`: what goes, what stays, what is refused."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from langgraph_sdk import get_client
from support.checkpoints import put
from support.cli import Cli
from support.databases import fresh_postgres
from support.dev_server import DevServer
from support.here import Here
from support.openai_server import OpenAIServer, Status

from runner import doctor
from state import open_checkpointer

REFUSED = Status(400, message="no")
TABLES = ("checkpoints", "writes")
MONTH = timedelta(days=30)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name the database of the commands that run in this process."""
    file = tmp_path / "braid.sqlite"
    monkeypatch.setenv("BRAID_DB", str(file))
    return file


@pytest.fixture
def postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with fresh_postgres() as url:
        monkeypatch.setenv("BRAID_DB", url)
        yield url


def grow_older(database: Path, thread: str, age: timedelta) -> None:
    """Have all checkpoints of a thread made so much earlier: their ids are times."""

    def earlier(checkpoint_id: str | None) -> str | None:
        if checkpoint_id is None:
            return None
        number = UUID(checkpoint_id).int
        ticks = (number >> 80) << 12 | (number >> 64) & 0xFFF
        ticks -= round(age.total_seconds() * 10_000_000)
        rest = number & (0xF << 76 | (1 << 64) - 1)
        return str(UUID(int=(ticks >> 12) << 80 | (ticks & 0xFFF) << 64 | rest))

    with closing(sqlite3.connect(database)) as connection, connection:
        connection.create_function("earlier", 1, earlier)
        for table in TABLES:
            connection.execute(
                f"UPDATE {table} SET checkpoint_id = earlier(checkpoint_id) WHERE thread_id = ?",
                (thread,),
            )
        connection.execute(
            "UPDATE checkpoints SET parent_checkpoint_id = earlier(parent_checkpoint_id) "
            "WHERE thread_id = ?",
            (thread,),
        )


def rows(database: Path) -> Counter[str]:
    """Count the rows of each thread, in all tables."""
    found: Counter[str] = Counter()
    with closing(sqlite3.connect(database)) as connection:
        for table in TABLES:
            query = f"SELECT thread_id, count(*) FROM {table} GROUP BY thread_id"
            found.update(dict(connection.execute(query)))
    return found


def kept(here: Here, *options: str) -> list[str]:
    return [thread["thread_id"] for thread in here("threads", "--json", *options).json]


def test_threads_are_listed_and_forgotten_by_the_age_of_their_last_checkpoint(
    here: Here, database: Path
) -> None:
    for thread, age in (("old", MONTH), ("older", 2 * MONTH), ("new", timedelta(0))):
        here("run", "document_review", "--thread", thread)
        grow_older(database, thread, age)
    here("run", "document_review", "--thread", "older")
    grow_older(database, "older", MONTH)  # its first run is three months old, its last run one
    assert kept(here) == ["new", "older", "old"]
    assert set(kept(here, "--older-than", "4w")) == {"old", "older"}
    assert kept(here, "--older-than", "31d") == []
    assert "Nothing that old is kept" in here("threads", "--older-than", "31d").out
    assert "Nothing that old is kept" in here("forget", "--older-than", "31d").out
    before = database.stat().st_size
    told = here("forget", "--older-than", "29d", "--json")
    assert told.status == 0
    outcome = told.json
    assert set(outcome.pop("forgotten")) == {"old", "older"}
    assert outcome.pop("freed_bytes") > before / 2
    assert outcome == {"busy": [], "database_bytes": database.stat().st_size}
    assert database.stat().st_size < before / 2
    assert kept(here) == ["new"]
    assert set(rows(database)) == {"new"}


def test_a_forgotten_thread_is_gone_and_the_others_are_not(here: Here, database: Path) -> None:
    first = here("run", "creative_trio", "--thread", "one", "--json").json
    here("run", "creative_trio", "--thread", "two")
    told = here("forget", "two")
    assert told.status == 0
    assert told.out.startswith("Forgot 1 thread: ")
    assert "kB came free. " in told.out
    for command in ("resume", "forget"):
        told = here(command, "two")
        assert told.status == 2
        assert told.err == "braid: There is no thread 'two'; `braid threads` shows all.\n"
    assert here("resume", "one", "--json").json["output"] == first["output"]
    assert here("run", "creative_trio", "--thread", "two").status == 0


@pytest.mark.parametrize(
    "change", ["checkpoint_id = 'newest'", "checkpoint = x'ff', metadata = ''"]
)
def test_a_damaged_thread_can_be_forgotten(here: Here, database: Path, change: str) -> None:
    for thread in ("whole", "damaged"):
        here("run", "creative_trio", "--thread", thread)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"UPDATE OR IGNORE checkpoints SET {change} WHERE thread_id = 'damaged'")
    assert here("forget", "damaged").status == 0
    assert kept(here) == ["whole"]


def test_where_nothing_is_kept_nothing_is_made(here: Here) -> None:
    assert here("forget", "one").status == 2
    told = here("forget", "--older-than", "1d", "--json")
    assert told.status == 0
    assert told.json == {"forgotten": [], "busy": [], "freed_bytes": 0, "database_bytes": 0}
    assert not list(here.directory.iterdir())


@pytest.mark.parametrize("options", [(), ("one", "--older-than", "1d")])
def test_a_thread_or_an_age_is_asked_for_and_not_both(here: Here, options: tuple[str, ...]) -> None:
    told = here("forget", *options)
    assert told.status == 2
    assert "one of the two" in told.err


@pytest.mark.parametrize("age", ["", "30", "d", "1.5h", "-3d", "3y", "3 d", "³d", "123456d"])
@pytest.mark.parametrize("command", ["threads", "forget"])
def test_an_age_is_a_number_and_a_unit(here: Here, command: str, age: str) -> None:
    told = here(command, "--older-than", age)
    assert told.status == 2
    assert told.err == (
        "braid: --older-than takes an age such as 45m, 12h, 30d or 2w "
        f"(minutes, hours, days, weeks), not {age!r}.\n"
    )


def test_an_id_that_is_no_text_is_no_thread(here: Here) -> None:
    here("run", "creative_trio")
    for command in ("forget", "resume"):
        told = here(command, "\udcff")
        assert told.status == 2
        assert "There is no thread" in told.err


def test_a_thread_that_is_worked_on_is_refused_and_finishes(
    here: Here, braid: Cli, server: OpenAIServer
) -> None:
    here("run", "creative_trio", "--thread", "done")
    server.hold("legal")
    running = braid.start("run", "document_review", "--thread", "t", "--json")
    server.wait_for("legal")
    told = here("forget", "t")
    assert told.status == 1
    assert told.err == (
        "braid: Thread 't' is being worked on by another process: wait for it, or end it.\n"
    )
    told = here("forget", "--older-than", "0m")
    assert told.status == 0
    assert "Forgot 1 thread: " in told.out
    assert "1 thread stayed: another process works there." in told.out
    server.release()
    assert running.wait().json["status"] == "complete"
    assert kept(here) == ["t"]
    assert server.counts == {"other": 3, "technical": 1, "business": 1, "legal": 1}


def test_postgres_forgets_as_sqlite_does(
    here: Here, braid: Cli, server: OpenAIServer, postgres: str
) -> None:
    for thread in ("one", "two", "three"):
        here("run", "creative_trio", "--thread", thread)
    server.hold("legal")
    address = {"BRAID_DB": postgres}
    running = braid.start("run", "document_review", "--thread", "t", "--json", env=address)
    server.wait_for("legal")
    assert here("forget", "t").status == 1
    assert here("forget", "nobody").status == 2
    assert here("forget", "one", "--json").json["freed_bytes"] > 1_000
    told = here("forget", "--older-than", "0m", "--json").json
    assert set(told["forgotten"]) == {"two", "three"}
    assert told["busy"] == ["t"]
    server.release()
    assert running.wait().json["status"] == "complete"
    assert kept(here) == ["t"]


def test_no_thread_is_half_deleted_when_forgetting_is_killed(here: Here, braid: Cli) -> None:
    database = Path(braid.env["BRAID_DB"])

    async def fill() -> None:
        async with open_checkpointer(database) as saver:
            for number in range(150):
                for _ in range(3):
                    where = await put(saver, f"{number}", {"text": "x" * 10_000})
                    await saver.aput_writes(where, [("channel", "y" * 5_000)], "task")

    asyncio.run(fill())
    whole = rows(database)
    left = whole
    for _ in range(2):
        before = left
        forgetting = braid.start("forget", "--older-than", "0m")
        while len(rows(database)) == len(before):
            assert forgetting.process.poll() is None
            time.sleep(0.005)
        forgetting.kill()
        left = rows(database)
        assert all(count == whole[thread] for thread, count in left.items())
    assert here("forget", "--older-than", "0m").status == 0
    assert not rows(database)


def test_a_batch_whose_threads_were_forgotten_goes_on(
    here: Here, server: OpenAIServer, database: Path
) -> None:
    lines = [json.dumps({"document": name}) for name in ("tea", "rain")]
    (here.directory / "in.jsonl").write_text("\n".join(lines))
    batch = ("batch", "document_review", "in.jsonl", "--out", "out.jsonl", "--concurrency", "1")
    server.script("legal", REFUSED)
    server.script("business", REFUSED)
    assert here(*batch).status == 3  # the first line is paused, the second complete
    assert len(here("forget", "--older-than", "0m", "--json").json["forgotten"]) == 2
    assert here(*batch).status == 0
    results = [json.loads(line) for line in (here.directory / "out.jsonl").open()]
    assert {line["line"]: line["status"] for line in results} == {1: "complete", 2: "complete"}
    assert server.counts == dict.fromkeys(("technical", "business", "legal"), 3)


async def test_a_dev_server_begins_a_forgotten_thread_anew(
    dev_server: DevServer, braid: Cli
) -> None:
    client = get_client(url=dev_server.url)
    thread = (await client.threads.create())["thread_id"]
    for topic in ("tea", "rain"):
        given = {"topic": topic}
        result: Any = await client.runs.wait(thread, "creative_trio", input=given)
        assert result["status"] == "complete"
        here = {"BRAID_DB": dev_server.env["BRAID_DB"]}
        told = await asyncio.to_thread(braid, "forget", thread, "--json", env=here)
        assert told.json["forgotten"] == [thread]
        assert not (await client.threads.get_state(thread))["values"]


def test_the_doctor_advises_forgetting_when_the_database_is_big(
    here: Here, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here("run", "creative_trio")
    assert "makes room" not in here("doctor").out
    monkeypatch.setattr(doctor, "BIG", database.stat().st_size - 1)
    told = here("doctor")
    assert told.status == 0
    assert "1 thread; `braid forget --older-than 30d` makes room" in told.out
