"""A database that cannot be used is refused in one sentence, and nothing in it is changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from support.checkpoints import at, put

import state.sqlite
from state import UnusableDatabase, list_threads, open_checkpointer
from state.sqlite import GroupCommitSaver


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "braid.sqlite"


async def refusal(url: str | Path) -> str:
    """Return the sentence with which a database is refused."""
    with pytest.raises(UnusableDatabase) as error:
        async with open_checkpointer(url) as saver:
            await put(saver, "thread")
    sentence = str(error.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


async def fill(file: Path, rows: int = 50) -> None:
    async with open_checkpointer(file) as saver:
        for number in range(rows):
            await put(saver, f"thread {number}", {"text": "x" * 1000})


def execute(file: Path, script: str) -> None:
    other = sqlite3.connect(file)
    other.executescript(script)
    other.close()


async def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    assert "does not exist: create it" in await refusal(tmp_path / "nowhere" / "braid.sqlite")
    assert not any(tmp_path.iterdir())


async def test_a_directory_instead_of_a_file(tmp_path: Path) -> None:
    assert "is not a file" in await refusal(tmp_path)


async def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    assert "cannot be opened: File name too long" in await refusal(tmp_path / ("x" * 300))


async def test_a_file_that_is_not_a_database(file: Path) -> None:
    file.write_text("Dear diary, today I learnt about checkpoints. " * 50)
    before = file.read_bytes()
    assert "is not a SQLite database" in await refusal(file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


async def test_a_file_that_was_cut_short(file: Path) -> None:
    await fill(file)
    os.truncate(file, file.stat().st_size // 2)
    assert "is damaged" in await refusal(file)


async def test_a_file_that_was_overwritten_in_the_middle(file: Path) -> None:
    await fill(file)
    with file.open("r+b") as raw:
        raw.seek(4096)
        raw.write(os.urandom(file.stat().st_size - 4096))
    assert "is damaged" in await refusal(file)


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')",
        "CREATE TABLE checkpoints (id INTEGER, place TEXT); CREATE TABLE writes (id INTEGER)",
        "CREATE TABLE writes (author TEXT)",
        "PRAGMA application_id = 252006674",
    ],
)
async def test_the_database_of_another_program(file: Path, script: str) -> None:
    execute(file, script)
    before = file.read_bytes()
    assert "is the database of another program: nothing was changed in it" in await refusal(file)
    assert file.read_bytes() == before


async def test_a_database_written_by_a_newer_version(file: Path) -> None:
    await fill(file, 1)
    execute(file, f"PRAGMA user_version = {state.sqlite.FORMAT + 1}")
    before = file.read_bytes()
    assert "was written by a newer version of Braid" in await refusal(file)
    assert file.read_bytes() == before


async def test_a_database_that_another_program_keeps_locked(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state.sqlite, "BUSY_TIMEOUT", 0.05)
    await fill(file, 1)
    other = sqlite3.connect(file)
    other.execute("BEGIN EXCLUSIVE")
    assert "is locked by another program" in await refusal(file)
    other.close()
    await fill(file, 1)


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """Yield a directory, with the rights of a user whom permissions concern."""
    # Not tmp_path: pytest keeps that closed to everybody else.
    directory = Path(tempfile.mkdtemp())
    user = os.geteuid()
    if user == 0:
        os.chown(directory, 65534, -1)
        os.seteuid(65534)
    yield directory
    directory.chmod(0o700)
    os.seteuid(user)
    shutil.rmtree(directory)


async def test_a_directory_that_may_not_be_written(as_nobody: Path) -> None:
    as_nobody.chmod(0o555)
    assert "its directory must be readable and writable" in await refusal(as_nobody / "new.sqlite")


async def test_a_file_that_may_not_be_written(as_nobody: Path) -> None:
    file = as_nobody / "braid.sqlite"
    await fill(file, 1)
    file.chmod(0o444)
    before = file.read_bytes()
    assert "may not be written: change its permissions" in await refusal(file)
    assert file.read_bytes() == before


async def test_kept_bytes_that_make_no_sense(file: Path) -> None:
    await fill(file, 1)
    execute(file, "UPDATE checkpoints SET checkpoint = x'c1c1'")
    async with open_checkpointer(file) as saver:
        with pytest.raises(UnusableDatabase, match=r"cannot be read .*: it was damaged, or"):
            await saver.aget_tuple(at("thread 0"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("metadata = x'ff'", r"cannot be read .*: it was damaged, or"),
        ("metadata = '{'", r"cannot be read .*: it was damaged, or"),
        ("metadata = '[]'", r"cannot be read .*no object.*: it was damaged, or"),
        ("checkpoint_id = 'newest'", r"The checkpoint 'newest' has no time in its name"),
    ],
)
async def test_kept_metadata_that_make_no_sense(file: Path, change: str, sentence: str) -> None:
    await fill(file, 1)
    execute(file, f"UPDATE checkpoints SET {change}")
    async with open_checkpointer(file) as saver:
        with pytest.raises(UnusableDatabase, match=sentence):
            await list_threads(saver)


async def test_a_pickle_in_the_database_is_not_loaded(file: Path, tmp_path: Path) -> None:
    await fill(file, 1)
    harm = tmp_path / "harm"
    pickle = f"cos\nsystem\n(S'touch {harm}'\ntR.".encode()
    execute(file, f"UPDATE checkpoints SET type = 'pickle', checkpoint = x'{pickle.hex()}'")
    async with open_checkpointer(file) as saver:
        with pytest.raises(UnusableDatabase, match="cannot be read"):
            await saver.aget_tuple(at("thread 0"))
    assert not harm.exists()


async def plain_saver_fills(file: Path) -> None:
    async with AsyncSqliteSaver.from_conn_string(str(file)) as plain:
        await plain.setup()
        await put(plain, "old thread")


@pytest.mark.parametrize("more", ["", "CREATE TABLE bookmarks (url TEXT)"])
async def test_a_database_of_the_plain_saver_is_used_as_it_is(file: Path, more: str) -> None:
    await plain_saver_fills(file)
    execute(file, f"PRAGMA user_version = 7; {more}")
    async with open_checkpointer(file) as saver:
        assert isinstance(saver, GroupCommitSaver)
        assert await saver.aget_tuple(at("old thread"))
        await put(saver, "new thread")
        assert await saver.conn.execute_fetchall("PRAGMA user_version") == [(7,)]
    async with AsyncSqliteSaver.from_conn_string(str(file)) as plain:
        assert await plain.aget_tuple(at("new thread"))


@pytest.mark.parametrize("made", [[], ["checkpoints"], ["writes"]])
async def test_a_set_up_that_was_cut_off_is_finished(file: Path, made: list[str]) -> None:
    async with open_checkpointer(":memory:") as saver:
        assert isinstance(saver, GroupCommitSaver)
        tables = await saver.conn.execute_fetchall("SELECT name, sql FROM sqlite_master")
    execute(file, ";".join(sql for name, sql in tables if name in made))
    await fill(file, 1)
