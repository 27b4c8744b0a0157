"""A thread has one driver at a time, whichever process it is in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from state import ThreadBusy, UnusableDatabase, hold_thread

Child = Popen[str]


def line(process: Child) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


async def test_a_second_holder_is_refused_in_one_sentence(database: str) -> None:
    async with hold_thread(database, "thread"), hold_thread(database, "another thread"):
        with pytest.raises(ThreadBusy, match=r"^Thread 'thread' is being worked on [^\n]*\.$"):
            async with hold_thread(database, "thread"):
                pass
    async with hold_thread(database, "thread"):
        pass


async def test_another_process_is_refused_too(database: str, child: Callable[..., Child]) -> None:
    async with hold_thread(database, "thread"):
        assert line(child("hold", database, "thread")).startswith("busy: Thread 'thread'")


async def test_a_holder_that_is_killed_frees_the_thread(
    database: str, child: Callable[..., Child]
) -> None:
    holder = child("hold", database, "thread")
    assert line(holder) == "held"
    with pytest.raises(ThreadBusy):
        async with hold_thread(database, "thread"):
            pass
    holder.kill()
    holder.wait()
    async with asyncio.timeout(10):  # a server notices a moment later
        while not await is_free(database, "thread"):
            await asyncio.sleep(0.01)


async def is_free(database: str, thread_id: str) -> bool:
    try:
        async with hold_thread(database, thread_id):
            return True
    except ThreadBusy:
        return False


async def test_no_two_of_four_competitors_ever_hold_a_thread_together(
    database: str, child: Callable[..., Child], tmp_path: Path
) -> None:
    mark = str(tmp_path / "inside")
    times = "20" if database.startswith("postgresql") else "1000"
    competitors = [child("compete", database, "thread", times, mark) for _ in range(4)]
    assert [line(competitor) for competitor in competitors] == ["alone"] * 4


@pytest.mark.parametrize("thread_id", ["../../escape", "", "a/b\0c", "ä" * 5000, "\ud800", "CON"])
async def test_any_text_may_name_a_thread(database: str, thread_id: str) -> None:
    async with hold_thread(database, thread_id), hold_thread(database, "another"):
        assert not await is_free(database, thread_id)
    assert await is_free(database, thread_id)


async def test_a_lock_that_is_given_back_leaves_no_file(tmp_path: Path) -> None:
    locks = tmp_path / "braid.sqlite.locks"
    async with hold_thread(tmp_path / "braid.sqlite", "thread"):
        assert len(list(locks.iterdir())) == 1
    assert not list(locks.iterdir())


async def test_a_file_is_the_same_under_each_of_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "braid.sqlite")
    async with hold_thread("braid.sqlite", "thread"):
        for name in ("sqlite:///braid.sqlite", tmp_path / "braid.sqlite", "link.sqlite"):
            assert not await is_free(str(name), "thread")


async def test_what_lives_in_memory_needs_no_lock() -> None:
    async with hold_thread(":memory:", "thread"), hold_thread(":memory:", "thread"):
        pass


async def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableDatabase, match="does not exist: create it first"):
        async with hold_thread(tmp_path / "nowhere" / "braid.sqlite", "thread"):
            pass


async def test_a_directory_in_which_nothing_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "braid.sqlite.locks").write_text("a file is in the way")
    with pytest.raises(UnusableDatabase, match=r"cannot be locked in .*, which must be writable"):
        async with hold_thread(tmp_path / "braid.sqlite", "thread"):
            pass
