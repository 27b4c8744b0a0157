"""What was acknowledged is there after `kill -9`, and what was not does no harm."""

from __future__ import annotations

import random
from collections.abc import Callable
from subprocess import Popen

import pytest
from support.checkpoints import put, written

from state import open_checkpointer

Child = Popen[str]


@pytest.mark.parametrize("seed", range(3))
async def test_no_acknowledged_write_is_missing_after_a_kill(
    database: str, child: Callable[..., Child], seed: int
) -> None:
    chance = random.Random(seed)
    async with open_checkpointer(database) as saver:
        where = await put(saver, "thread")
    checkpoint_id = where["configurable"]["checkpoint_id"]
    acknowledged: set[str] = set()
    for life in range(3):
        writer = child("put", database, "thread", checkpoint_id, f"life {life}")
        assert writer.stdout
        for _ in range(chance.randrange(20, 2000)):
            acknowledged.add(writer.stdout.readline().strip())
        writer.kill()
        # Not by `communicate`, which leaves out what was read ahead and so begins within a line.
        acknowledged.update(writer.stdout.read().split("\n")[:-1])
    async with open_checkpointer(database) as saver:
        kept = await written(saver, where)
    assert acknowledged <= kept.keys()
    assert all(task == value for task, value in kept.items())
