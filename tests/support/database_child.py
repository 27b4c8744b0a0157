"""What the tests do with a database in another process, which they may kill.

python -m support.database_child put URL THREAD CHECKPOINT NAME
python -m support.database_child open            (then URLs on its standard input)
python -m support.database_child hold URL THREAD
python -m support.database_child compete URL THREAD TIMES MARK
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys

from support.checkpoints import at, put

from state import ThreadBusy, UnusableDatabase, hold_thread, open_checkpointer


def say(word: str) -> None:
    os.write(1, f"{word}\n".encode())


async def keep_putting(url: str, thread_id: str, checkpoint_id: str, name: str) -> None:
    """Put from sixteen tasks for ever; say the name of each write that was acknowledged."""
    where = at(thread_id, checkpoint_id=checkpoint_id)
    async with open_checkpointer(url) as saver:

        async def work(worker: int) -> None:
            for count in itertools.count():
                task = f"{name}-{worker}-{count}"
                await saver.aput_writes(where, [("channel", task)], task)
                say(task)

        await asyncio.gather(*map(work, range(16)))


async def keep_opening() -> None:
    """Open each database named on the input and put one checkpoint there."""
    # Loaded beforehand, so that all processes reach the database at the same moment.
    async with open_checkpointer(":memory:"):
        say("ready")
    while url := (await asyncio.to_thread(sys.stdin.readline)).strip():
        try:
            async with open_checkpointer(url) as saver:
                await put(saver, f"thread {os.getpid()}")
        except UnusableDatabase as error:
            say(f"failed: {error}")
        else:
            say("done")


async def hold(url: str, thread_id: str) -> None:
    """Hold a thread until the input ends."""
    try:
        async with hold_thread(url, thread_id):
            say("held")
            await asyncio.to_thread(sys.stdin.readline)
    except ThreadBusy as error:
        say(f"busy: {error}")


async def compete(url: str, thread_id: str, times: str, mark: str) -> None:
    """Hold a thread many times; say each time whether nobody else held it meanwhile."""
    held = 0
    while held < int(times):
        try:
            async with hold_thread(url, thread_id):
                held += 1
                try:
                    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    say("not alone")
                    return
                await asyncio.sleep(0)
                os.unlink(mark)
        except ThreadBusy:
            await asyncio.sleep(0)
    say("alone")


COMMANDS = {"put": keep_putting, "open": keep_opening, "hold": hold, "compete": compete}

if __name__ == "__main__":
    asyncio.run(COMMANDS[sys.argv[1]](*sys.argv[2:]))
