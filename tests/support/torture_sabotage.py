"""`support.thread_program`, broken on purpose, so that a test sees the torture notice it.

Takes the same arguments; the order's `sabotage` names what is broken.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from support import thread_program

from state.sqlite import GroupCommitSaver

real_work, real_put = thread_program._do, GroupCommitSaver.aput_writes


async def put_all_but_a(
    self: GroupCommitSaver, config: Any, writes: Sequence[tuple[str, Any]], *task: str
) -> None:
    """Acknowledge what the branch a wrote, and do not keep it."""
    if ("out", ["a"]) not in writes:
        await real_put(self, config, writes, *task)


async def work_twice(*arguments: Any) -> str:
    """Do every piece of work again that has just been done."""
    await real_work(*arguments)
    return await real_work(*arguments)


async def forge(name: str, *arguments: Any) -> str:
    """Give something else for what the model made for b."""
    made = await real_work(name, *arguments)
    return "forged" if name == "b" else made


async def crash(*arguments: Any) -> str:
    """End as no workflow should."""
    sys.exit("crashed")


if __name__ == "__main__":
    match json.loads(sys.argv[4])["sabotage"]:
        case "forget":
            GroupCommitSaver.aput_writes = put_all_but_a  # type: ignore[method-assign]
        case "twice":
            thread_program._do = work_twice
        case "forge":
            thread_program._do = forge
        case "crash":
            thread_program._do = crash
    print(json.dumps(asyncio.run(thread_program.main())))
