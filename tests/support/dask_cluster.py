"""A real Dask cluster on 127.0.0.1: `dask scheduler` and `dask worker`, each a process.

with DaskCluster(tmp_path, workers=2) as cluster:
    monkeypatch.setenv("DASK_SCHEDULER", cluster.address)
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from support.cli import ROOT, inherited

# Without a dashboard, too, there is a port for its figures, open to all unless it is told.
ON_LOOPBACK = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]


class DaskCluster:
    """A scheduler, and workers of one thread each under their nannies, as docs/dask.md has them.

    `python_path` is what the workers can import beside the installed packages.
    """

    def __init__(
        self,
        directory: Path,
        *,
        workers: int,
        python_path: tuple[Path, ...] = (ROOT, ROOT / "tests"),
    ) -> None:
        self.directory = directory
        self.workers = workers
        self.env = {
            **inherited(),
            "PYTHONPATH": os.pathsep.join(map(str, python_path)),
            "DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "0",
        }
        self._started: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def __enter__(self) -> Self:
        try:
            self._start_scheduler("0")
            for _ in range(self.workers):
                self.add_worker()
            self._wait_until(lambda: len(self.worker_pids()) == self.workers, "the workers")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def add_worker(self) -> None:
        """Start one more worker, in two processes: the nanny and what it looks after."""
        alone = ("--nthreads", "1", "--memory-limit", "0", "--death-timeout", "60")
        self._start(
            "worker", self.address, *alone, "--local-directory", str(self.directory / "spilled")
        )

    def listens_at(self) -> set[str]:
        """Return the addresses at which any of its processes can be reached."""
        parents = [psutil.Process(process.pid) for process in self._started]
        processes = [p for parent in parents for p in (parent, *parent.children(recursive=True))]
        sockets = [socket for process in processes for socket in process.net_connections("inet")]
        return {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}

    def kill_scheduler(self) -> None:
        """End the scheduler with SIGKILL; workers give it a minute to come back."""
        self._started[0].kill()
        self._started.pop(0).wait(5)

    def restart_scheduler(self) -> None:
        """Start another scheduler at the same address."""
        self._start_scheduler(self.address.rpartition(":")[2])

    def _start_scheduler(self, port: str) -> None:
        file = self.directory / "scheduler.json"
        file.unlink(missing_ok=True)
        self._start("scheduler", "--port", port, "--scheduler-file", str(file))
        self._wait_until(file.exists, "the scheduler to listen")
        self.address = json.loads(file.read_text())["address"]

    def tasks(self) -> int:
        """Return how many tasks the scheduler has."""
        return int(self._ask(lambda client: client.run_on_scheduler(_count_tasks)))

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers that the scheduler knows."""
        return sorted(self._ask(lambda client: list(client.run(os.getpid).values())))

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        from distributed import Client

        with Client(self.address, set_as_default=False, timeout=30) as client:
            return question(client)

    def stop(self) -> None:
        """End the workers, then the scheduler, as Ctrl-C does; kill what does not go."""
        for process in reversed(self._started):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # a session of its own: ours alone
                process.wait(5)
        self._started.clear()

    def _start(self, what: str, *arguments: str) -> None:
        program = Path(sys.executable).with_name("dask")
        with (self.directory / "dask.log").open("ab") as log:
            self._started.insert(
                0 if what == "scheduler" else len(self._started),
                subprocess.Popen(
                    [str(program), what, *ON_LOOPBACK, *arguments],
                    cwd=self.directory,
                    env=self.env,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                ),
            )

    def _wait_until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._started[0].poll() is None:
            if true():
                return
            time.sleep(0.05)
        log = (self.directory / "dask.log").read_text()
        raise AssertionError(f"waited in vain for {what}:\n{log[-4000:]}")


def _count_tasks(dask_scheduler: Any) -> int:
    return len(dask_scheduler.tasks)
