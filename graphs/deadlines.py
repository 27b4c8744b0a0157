"""A time limit for each of many: one timer for all that may take as many seconds.

`asyncio.timeout` starts and cancels a timer of its own for every call, which was an eighth of the
CPU time of five thousand items. Limits of one length end in the order in which they began.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from weakref import WeakKeyDictionary

_UNLIMITED = nullcontext()


def time_limit(seconds: float | None) -> AbstractContextManager[object]:
    """Return a context that raises TimeoutError when its body has taken so long.

    It cancels the running task to get out of the body, and takes that back, as `asyncio.timeout`
    does: a cancellation by somebody else goes on.
    """
    if seconds is None:
        return _UNLIMITED
    loop = asyncio.get_running_loop()
    of_loop = _deadlines.get(loop)
    if of_loop is None:
        of_loop = _deadlines[loop] = {}
    found = of_loop.get(seconds)
    if found is None:
        found = of_loop[seconds] = _Deadlines(seconds)
    return _Limit(found)


class _Deadlines:
    """The limits of one length that are running on one event loop, the earliest first."""

    __slots__ = ("running", "seconds", "timer")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.running: dict[_Limit, float] = {}
        """When each is over, in the loop's time."""
        self.timer: asyncio.TimerHandle | None = None

    def begin(self, limit: _Limit) -> None:
        loop = asyncio.get_running_loop()
        self.running[limit] = due = loop.time() + self.seconds
        if self.timer is None:
            self.timer = loop.call_at(due, self._check)

    def end(self, limit: _Limit) -> None:
        self.running.pop(limit, None)
        if not self.running and self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        self.timer = None
        for limit, due in list(self.running.items()):
            if due > loop.time():
                self.timer = loop.call_at(due, self._check)
                break
            del self.running[limit]
            limit.expire()


class _Limit:
    """One body under a limit."""

    __slots__ = ("asked_before", "deadlines", "expired", "task")

    def __init__(self, deadlines: _Deadlines) -> None:
        self.deadlines, self.expired = deadlines, False

    def expire(self) -> None:
        self.expired = True
        self.task.cancel()

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task, self.asked_before = task, task.cancelling()
        self.deadlines.begin(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.deadlines.end(self)
        if self.expired:
            others = self.task.uncancel() - self.asked_before
            if others <= 0 and isinstance(error, asyncio.CancelledError):
                raise TimeoutError(f"took longer than {self.deadlines.seconds:g} s") from error


_deadlines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[float, _Deadlines]] = (
    WeakKeyDictionary()
)
