"""Stop on Ctrl-C and SIGTERM without losing what has finished."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any

from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl

from runner.errors import FAILED, Stopped

LONGEST_DRAIN = 8.0
"""Seconds that SIGTERM leaves the running branches to finish: `docker stop` kills after 10."""
LAST_RESORT = 5.0
"""Seconds that what was cancelled has to end. A thread cannot be cancelled, and may hang."""
DRAINING = (
    f"braid: stopping: up to {LONGEST_DRAIN:g} s for what is running; a second signal stops at once"
)
GIVEN_UP = (
    "braid: stopped the hard way, because a branch did not let go; what had finished is kept, and "
    "`braid threads` shows it"
)


class Brake:
    """Ends what runs under it when the process is asked to end.

    Ctrl-C, or a second signal, cancels at once: LangGraph keeps the branches that have finished.
    SIGTERM lets the running superstep finish first, for at most `LONGEST_DRAIN` seconds. After
    that Ctrl-C ends the process the hard way, and so does `LAST_RESORT`.
    """

    def __init__(self) -> None:
        self.pulled = False
        self._cut = False
        self._running: dict[asyncio.Task[None], RunControl] = {}

    def __enter__(self) -> Brake:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # Windows: Ctrl-C then raises KeyboardInterrupt
            loop.add_signal_handler(signal.SIGINT, self._stop)
            loop.add_signal_handler(signal.SIGTERM, self._drain)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release()

    async def run(self, work: Callable[[RunControl], Coroutine[Any, Any, None]]) -> None:
        """Run to the end, or raise Stopped when the brake is pulled."""
        if self.pulled:
            raise Stopped
        control = RunControl()
        task = asyncio.create_task(work(control))
        self._running[task] = control
        try:
            await task
        except GraphDrained:
            raise Stopped from None
        except asyncio.CancelledError:
            if self._cut:
                raise Stopped from None
            task.cancel()
            raise
        finally:
            del self._running[task]

    def _drain(self) -> None:
        if self.pulled:
            return self._stop()
        self.pulled = True
        for control in self._running.values():
            control.request_drain()
        print(DRAINING, file=sys.stderr)
        asyncio.get_running_loop().call_later(LONGEST_DRAIN, self._stop)
        return None

    def _stop(self) -> None:
        if self._cut:
            return
        self.pulled = self._cut = True
        self._release()
        for task in self._running:
            task.cancel()
        asyncio.get_running_loop().call_later(LAST_RESORT, _give_up)

    def _release(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)


def _give_up() -> None:
    """End the process as `kill -9` would, which loses nothing that was kept."""
    print(GIVEN_UP, file=sys.stderr, flush=True)
    os._exit(FAILED)
