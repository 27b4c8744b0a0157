"""A program that runs a toy workflow as `braid run` does, so that a test can ask it to end.

    python -m support.drained_program DB DIRECTORY [stuck]

The branches: `quick`; `slow`, and `first`, a step before `second`, which wait for the file `go` in
the directory; with `stuck` one more, in a thread that never ends. Each appends its name to the
file `ran` when it starts.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

from support.toys import ToyState, ToyWrites, fan

from graphs.builders import FanOut
from runner import drive
from runner.brake import Brake
from runner.report import Ended
from runner.run import watched
from runner.settings import Settings
from runner.tell import tell


def workflow(directory: Path, *, stuck: bool = False) -> FanOut:
    """Declare the workflow that leaves its traces in the directory."""

    def branch(name: str, *, waits: bool = False, hangs: bool = False) -> Any:
        async def function(state: ToyState) -> ToyWrites:
            with (directory / "ran").open("a") as ran:
                ran.write(f"{name}\n")
            while waits and not (directory / "go").exists():
                await asyncio.sleep(0.01)
            if hangs:
                await asyncio.to_thread(threading.Event().wait)
            return {"out": [name]}

        return function

    branches: dict[str, Any] = {
        "quick": branch("quick"),
        "slow": branch("slow", waits=True),
        "steps": [branch("first", waits=True), branch("second")],
    }
    if stuck:
        branches["stuck"] = branch("stuck", hangs=True)
    return fan(branches)


async def run(database: Path, directory: Path, *, stuck: bool) -> Ended:
    """Run the workflow on thread `t`."""
    with Brake() as brake:
        return await drive.run(
            workflow(directory, stuck=stuck),
            {"x": 1, "note": None},
            "t",
            Settings(database),
            brake,
            watched(as_json=True),
        )


if __name__ == "__main__":
    place = Path(sys.argv[2])
    ended = asyncio.run(run(Path(sys.argv[1]), place, stuck="stuck" in sys.argv[3:]))
    sys.exit(tell(ended, as_json=True))
