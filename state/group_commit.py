"""Group commit: writes that arrive while a commit is under way share the next one.

A commit costs one wait for the disk however many rows it carries, so a thousand branches that
finish together need a few waits, not a thousand. (DeWitt et al., "Implementation techniques for
main memory database systems", SIGMOD 1984.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

Statement = tuple[str, Sequence[Any]]
"""SQL that changes rows, and one set of parameters for each time it is to be done."""


@dataclass(slots=True, eq=False)
class _Write:
    """Statements that belong together: all of them are kept, or none."""

    statements: tuple[Statement, ...]
    kept: asyncio.Future[None]


class GroupCommit:
    """Commits what arrives, in the order of arrival, one transaction at a time."""

    def __init__(
        self,
        commit: Callable[[Sequence[Statement]], Awaitable[None]],
        is_common: Callable[[Exception], bool],
    ) -> None:
        """Take what does statements in one transaction, and what tells its common errors.

        A common error (a lost connection, a full disk) befalls every write of the group; any
        other is one write's own.
        """
        self._commit, self._is_common = commit, is_common
        self._waiting: list[_Write] = []
        self._committer: asyncio.Task[None] | None = None

    async def write(self, *statements: Statement) -> None:
        """Return when the statements are committed; raise what kept them from it.

        A caller that is cancelled while it waits leaves its statements to be committed: they hold
        work that is done.
        """
        write = _Write(statements, asyncio.get_running_loop().create_future())
        self._waiting.append(write)
        if self._committer is None:
            # In no run's context: the committer outlives the run whose write happens to start it.
            self._committer = asyncio.create_task(self._commit_all(), context=Context())
        await write.kept

    async def settle(self) -> None:
        """Return when nothing waits to be committed."""
        while self._committer is not None:
            await asyncio.wait([self._committer])

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._keep(group)
        finally:
            self._committer = None

    async def _keep(self, group: list[_Write]) -> None:
        try:
            await self._commit(_merged(group))
        except Exception as error:
            if len(group) == 1 or self._is_common(error):
                return _fail(group, error)
            for write in group:  # so that a bad row fails nobody but the write it came with
                await self._keep([write])
        except BaseException:
            for write in group:
                write.kept.cancel()
            raise
        else:
            for write in group:
                if not write.kept.done():
                    write.kept.set_result(None)


def _fail(group: Iterable[_Write], error: Exception) -> None:
    for write in group:
        if not write.kept.done():
            write.kept.set_exception(error)


def _merged(group: Iterable[_Write]) -> list[Statement]:
    """Join neighbouring statements of the same SQL, so that they are one call."""
    statements = (statement for write in group for statement in write.statements)
    return [
        (sql, [row for _, rows in neighbours for row in rows])
        for sql, neighbours in groupby(statements, key=itemgetter(0))
    ]
