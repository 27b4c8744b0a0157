"""A race between branches: the first acceptable answer wins, and the others are called off.

With a delay between the starts it is a hedged request: the next is asked only when the one before
has not answered after a while. Jeffrey Dean and Luiz Andre Barroso, "The Tail at Scale"
(Communications of the ACM 56/2, 2013).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from langgraph.runtime import RunControl, Runtime

AnswerT = TypeVar("AnswerT")


@dataclass(eq=False)
class Race:
    """What the branches of one superstep know of each other: who has won, and who stumbled."""

    winner: str | None = None
    _won: asyncio.Event = field(default_factory=asyncio.Event)
    _stumbled: set[str] = field(default_factory=set)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(
        self,
        name: str,
        ask: Callable[[], Awaitable[AnswerT]],
        *,
        accept: Callable[[AnswerT], bool] = lambda _: True,
        after: int = 0,
        delay: float = 0.0,
    ) -> AnswerT | None:
        """Return what `ask` returns; None when another won first, and then nothing is left running.

        It starts when `after` runners have failed or given no acceptable answer, and at the latest
        after `after * delay` seconds. An exception of `ask` is raised, and lets the next one start.
        """
        await self._turn(after, delay)
        if self.winner is not None:
            return None
        asking: asyncio.Future[Any] = asyncio.ensure_future(ask())
        watching: asyncio.Future[Any] = asyncio.ensure_future(self._won.wait())
        try:
            await asyncio.wait({asking, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                return None
            answer: AnswerT = asking.result()
            await self._tell(name, won=self.winner is None and accept(answer))
            return answer
        except Exception:
            await self._tell(name, won=False)
            raise
        finally:
            await _called_off(asking, watching)

    async def _turn(self, after: int, delay: float) -> None:
        """Wait for this runner's turn, or for the end of the race."""
        if not after:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(after * delay), self._news:
                await self._news.wait_for(lambda: self.winner or len(self._stumbled) >= after)

    async def _tell(self, name: str, *, won: bool) -> None:
        async with self._news:
            if won:
                self.winner = name
                self._won.set()
            else:
                self._stumbled.add(name)
            self._news.notify_all()


async def _called_off(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what still runs and wait until it has let go of its connection."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def race_of(runtime: Runtime[Any]) -> Race:
    """Return the race that the calling branch runs in with its siblings."""
    assert runtime.execution_info is not None
    return _race(runtime.execution_info.checkpoint_id, runtime.control)


@lru_cache(maxsize=1024)
def _race(checkpoint_id: str, control: RunControl | None) -> Race:
    """Make one race per superstep and run; the control tells a run from its resumption."""
    return Race()
