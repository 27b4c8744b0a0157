"""Fresh processes that do not import everything again: forked from one that has only imported.

    with Forker() as forker:
        running = forker.start("runner", "batch", ..., env=..., directory=...)
        running.kill()                             # or running.wait(60).status

Each runs a module as `python -m` does, and costs a fork, so that hundreds can be killed.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import Any

from support.cli import ROOT, Result

IMPORTED = (
    "anyio._backends._asyncio",
    "httpcore._async.http11",
    "httpcore._async.connection_pool",
    "langchain_openai",
    "openai.resources.beta.beta",
    "runner.batch",
    "runner.run",
    "runner.threads",
    "nodes.content_kit",
    "graphs.content_kit",
    "state.postgres",
    "state.sqlite",
    "support.toys",
)
SOON = 0.002
"""Seconds between two looks at a process."""


class Forked:
    """A process, much as `support.cli.Running`; its output and its end are in a directory."""

    def __init__(self, told: Path) -> None:
        self._told = told

    def ended(self) -> bool:
        """Tell whether it has come to its end."""
        return (self._told / "status").exists()

    def kill(self) -> bool:
        """End it with SIGKILL, and wait until it is gone; False if it had ended before."""
        if not self.ended():
            with suppress(ProcessLookupError):
                os.kill(int(self._read("pid", 30)), signal.SIGKILL)
        return int(self._read("status", 30)) == -signal.SIGKILL

    def wait(self, timeout: float) -> Result:
        """Wait for the end; what takes more seconds is killed, and AssertionError raised."""
        try:
            status = int(self._read("status", timeout))
        except TimeoutError:
            self.kill()
            raise AssertionError(f"still running after {timeout} s:\n{self._output()}") from None
        return Result(status, *self._output())

    def _output(self) -> tuple[str, str]:
        return (self._told / "out").read_text(), (self._told / "err").read_text()

    def _read(self, name: str, timeout: float) -> str:
        deadline = time.monotonic() + timeout
        while not (self._told / name).exists():
            if time.monotonic() > deadline:
                raise TimeoutError(name)
            time.sleep(SOON)
        return (self._told / name).read_text()


class Forker:
    """The process that all others are forked from; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> Forker:
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.forked"],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def start(
        self, module: str, *arguments: str, env: Mapping[str, str], directory: Path
    ) -> Forked:
        """Start `python -m module arguments`, with this environment only, in a directory."""
        told = mkdtemp(prefix="process-", dir=directory)
        order = {"argv": [module, *arguments], "env": dict(env), "in": str(directory), "told": told}
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        return Forked(Path(told))


def main() -> None:
    """Fork for every line of the input; what is forked ends as any program does."""
    for name in IMPORTED:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the parents
    for line in sys.stdin:
        if os.fork() == 0:
            return _watch(json.loads(line))
    return None


def _watch(order: Mapping[str, Any]) -> None:
    """Be the parent of one process, and write down how it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        return _become(order)
    _write_down(order, "pid", child)
    _, status = os.waitpid(child, 0)
    _write_down(order, "status", os.waitstatus_to_exitcode(status))
    os._exit(0)


def _write_down(order: Mapping[str, Any], name: str, number: int) -> None:
    path = Path(order["told"]) / name
    path.with_suffix(".tmp").write_text(str(number))
    path.with_suffix(".tmp").rename(path)


def _become(order: Mapping[str, Any]) -> None:
    """Be what was ordered."""
    told = Path(order["told"])
    flags = os.O_WRONLY | os.O_CREAT
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(told / "out", flags), 1)
    os.dup2(os.open(told / "err", flags), 2)
    os.chdir(order["in"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = order["argv"]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
