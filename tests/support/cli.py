"""The real `braid` as a process, in a directory and with a database of its own.

told = braid("run", "creative_trio", "--json", env=server.env)
assert told.status == 0, told.err

running = braid.start("run", "creative_trio", "--thread", "t")
running.kill()                             # or running.send(signal.SIGINT)

assert braid.python("-c", "import state").status == 0
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def inherited() -> dict[str, str]:
    """Return the little of this environment that programs see, and what measures their coverage."""
    names = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in names if name in os.environ}


@dataclass(frozen=True)
class Result:
    """How a process ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Parse what it printed."""
        return json.loads(self.out)


class Running:
    """A process that has not ended yet."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def kill(self) -> None:
        """End it with SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.communicate()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, timeout: float = 60) -> Result:
        """Wait for the end."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"still running after {timeout} s:\n{out}\n{err}") from None
        return Result(self.process.returncode, out, err)


class Cli:
    """Runs `python -m runner` and other Python programs beside it.

    They see this environment and no other: nothing of the developer's own settings, what `env`
    adds, and what a test puts into `self.env`. `input` is what they read from stdin, nothing
    unless given. `close` ends what still runs.
    """

    def __init__(self, directory: Path, **env: str) -> None:
        self.directory = directory
        self._started: list[Running] = []
        self.env = {
            **inherited(),
            "BRAID_DB": str(directory / "braid.sqlite"),
            "BRAID_OFFLINE_LATENCY": "0",
            "LANGGRAPH_STRICT_MSGPACK": "true",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
            "NO_COLOR": "1",
            "COLUMNS": "100",
            **env,
        }

    def start(self, *arguments: str, env: dict[str, str] | None = None, input: str = "") -> Running:
        """Start `braid` with these arguments."""
        return self.start_python("-m", "runner", *arguments, env=env, input=input)

    def start_python(
        self, *arguments: str, env: dict[str, str] | None = None, input: str = ""
    ) -> Running:
        """Start Python with these arguments; it can import the project and `support`."""
        with tempfile.TemporaryFile("w+") as stdin:  # unlike a pipe it never fills up
            stdin.write(input)
            stdin.seek(0)
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.directory,
                env={**self.env, **(env or {})},
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        running = Running(process)
        self._started.append(running)
        return running

    def __call__(
        self, *arguments: str, env: dict[str, str] | None = None, input: str = ""
    ) -> Result:
        """Run `braid` to its end."""
        return self.start(*arguments, env=env, input=input).wait()

    def python(self, *arguments: str, env: dict[str, str] | None = None, input: str = "") -> Result:
        """Run Python to its end."""
        return self.start_python(*arguments, env=env, input=input).wait()

    def close(self) -> None:
        """End what a test left running, and print what nobody has read of it."""
        for running in self._started:
            process = running.process
            process.kill()  # does nothing to one that has ended
            if process.stdout is not None and not process.stdout.closed:
                print(process.args, *process.communicate(), sep="\n")
