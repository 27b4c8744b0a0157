"""Many processes may meet a database that nobody has set up yet."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen

from state import list_threads, open_checkpointer


async def test_six_processes_set_up_one_database_at_the_same_moment(
    new_database: Callable[[], str], child: Callable[..., Popen[str]]
) -> None:
    processes = [child("open") for _ in range(6)]
    assert [process.stdout.readline() for process in processes if process.stdout] == ["ready\n"] * 6
    database = new_database()
    for _ in range(4 if database.startswith("postgresql") else 25):
        for process in processes:
            assert process.stdin
            process.stdin.write(f"{database}\n")
            process.stdin.flush()
        said = [process.stdout.readline() for process in processes if process.stdout]
        assert said == ["done\n"] * 6
        async with open_checkpointer(database) as saver:
            assert len(await list_threads(saver)) == 6
        database = new_database()
