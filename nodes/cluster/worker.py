"""On a Dask cluster, as its worker: what runs there can be stopped."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any

from nodes.cluster.sending import ClusterError, packed_error, perform

GRACE = 0.2
"""Seconds that a cancelled function runs on."""

_stoppable: dict[str, Callable[[], Any]] = {}
"""What stops each function that runs in this process, by the key of its task."""


def perform_on_worker(request: bytes) -> bytes:
    """Run a request in a thread of its own, so that a cancelled one frees its worker.

    Dask lets what has begun run to its end, and a branch that loops for ever would take a worker
    away at each attempt.
    """
    distributed: Any = importlib.import_module("distributed")
    worker = distributed.get_worker()
    key = worker.get_current_task()
    answer: Future[bytes] = Future()

    def work() -> None:
        packed = perform(request)
        with contextlib.suppress(InvalidStateError):
            answer.set_result(packed)

    thread = threading.Thread(target=work, daemon=True)

    def stop() -> None:
        with contextlib.suppress(InvalidStateError):
            answer.set_result(packed_error(ClusterError("Dask took the task back")))
            _stop(thread)

    def watch() -> None:
        worker.plugins.setdefault("braid", _StopsReleased())
        task = worker.state.tasks.get(key)
        if task is None or task.state != "executing":  # given up before anybody watched
            stop_soon()

    # Not at once: a worker that is free before its other tasks are taken back would begin them.
    _stoppable[key] = stop_soon = functools.partial(worker.loop.call_later, GRACE, stop)
    worker.loop.add_callback(watch)  # in that thread Dask minds its tasks and plugins
    thread.start()
    try:
        return answer.result()
    finally:
        del _stoppable[key]


class _StopsReleased:
    """A plugin of a Dask worker that sees which tasks are given up while they run."""

    def transition(self, key: str, start: str, finish: str, **more: Any) -> None:
        """Stop the function; a task that ends by itself goes from executing to memory."""
        if (start, finish) == ("executing", "released") and (stop := _stoppable.get(key)):
            stop()


def _stop(thread: threading.Thread) -> None:
    """Raise SystemExit in a thread: at its next line of Python, so not within a call to C."""
    ident, exception = ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, exception)
