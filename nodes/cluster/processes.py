"""On this machine: one function at a time in each of as many processes as there are cores."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future
from multiprocessing.connection import Connection
from weakref import WeakKeyDictionary

from nodes.cluster.sending import ClusterError, perform

_SPAWN = multiprocessing.get_context("spawn")  # a fork of a process with threads may deadlock
_idle: list[_Process] = []
_cores: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def in_process(request: bytes) -> bytes:
    """Perform a request in a process that is free, or once one is; raise ClusterError if it dies.

    Nothing but its end stops a computation, so the process of a cancelled request is killed.
    """
    loop = asyncio.get_running_loop()
    async with _cores.setdefault(loop, asyncio.Semaphore(_cpu_count())):
        process = _idle_process()
        if process is None:
            process = await asyncio.to_thread(_Process)
        try:
            answer = await process.perform(request)
        except BaseException:
            process.kill()
            raise
        _idle.append(process)
        return answer


def _idle_process() -> _Process | None:
    with contextlib.suppress(IndexError):
        while not (process := _idle.pop()).is_alive():
            pass
        return process
    return None


def _cpu_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Process:
    """A process beside this one, which it never outlives; made once and used again."""

    def __init__(self) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    async def perform(self, request: bytes) -> bytes:
        """Perform a request there."""
        answer: Future[bytes] = Future()
        answer.set_running_or_notify_cancel()  # it is killed, not cancelled
        # A thread of the event loop's own would keep this process from ending while it waits.
        threading.Thread(target=self._exchange, args=(request, answer), daemon=True).start()
        return await asyncio.wrap_future(answer)

    def _exchange(self, request: bytes, answer: Future[bytes]) -> None:
        try:
            self._pipe.send_bytes(request)
            answer.set_result(self._pipe.recv_bytes())
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode or 0
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
            answer.set_exception(ClusterError(f"the process that it ran in was ended {how}"))

    def is_alive(self) -> bool:
        """Tell whether it can still be used."""
        return self._process.is_alive()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()


def _serve(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    threading.Thread(target=_end_with_driver, daemon=True).start()
    with contextlib.suppress(EOFError):
        while True:
            pipe.send_bytes(perform(pipe.recv_bytes()))


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    assert driver is not None
    driver.join()
    os._exit(1)
