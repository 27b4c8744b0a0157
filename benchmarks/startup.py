"""How long the command takes to start, beside the libraries that draw its tables."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
from functools import partial

from benchmarks.measuring import Section, Target, in_turns, ratio

REPEATS = 21
COMMANDS = {
    'python -c "import typer, rich"': [sys.executable, "-c", "import typer, rich"],
    "braid list": [sys.executable, "-m", "runner", "list"],
    "braid --help": [sys.executable, "-m", "runner", "--help"],
}


def measure() -> Section:
    """Time whole processes, in turns."""
    # pip compiled typer and rich when it installed them; the runner's modules, which are used
    # where they lie, are compiled by the run that is not counted, unless that is forbidden.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    async def run(command: list[str]) -> int:
        child = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, env=environment
        )
        return await child.wait()

    runs = {name: partial(run, command) for name, command in COMMANDS.items()}
    seconds = asyncio.run(in_turns(runs, REPEATS, expected=0))
    base, *_ = seconds
    return Section(
        name="startup",
        title="Starting the command",
        note=f"Whole processes, medians of {REPEATS} rounds in turns.",
        columns=["", "time", "ratio"],
        rows=[
            [f"`{name}`", f"{statistics.median(s) * 1000:.0f} ms", f"{ratio(s, seconds[base]):.2f}"]
            for name, s in seconds.items()
        ],
        targets=[
            Target(
                "`braid list` over importing typer and rich",
                ratio(seconds["braid list"], seconds[base]),
                at_most=1.3,
            )
        ],
    )
