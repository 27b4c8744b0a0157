"""Opening the database that state is kept in, for the command line, a program and the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from state.database import locate, postgres_extra

if TYPE_CHECKING:
    from state.threads import Saver


@asynccontextmanager
async def open_checkpointer(url: str | Path | None = None) -> AsyncIterator[Saver]:
    """Yield a checkpointer on a SQLite file or a PostgreSQL database.

    `url` is a path, `sqlite:///path`, `postgresql://...` or `:memory:`; without one the setting
    BRAID_DB counts, then `braid.sqlite` in the working directory. What is missing is made, except
    directories and databases of a server. UnusableDatabase says in one sentence what is wrong
    with it, when it is opened and later; nothing is half kept.
    """
    # Imported here: whoever declares a workflow need not wait for database drivers.
    from state.serde import serializer

    database = locate(url)
    if isinstance(database, Path):
        from state.sqlite import open_sqlite

        async with open_sqlite(database, serializer()) as saver:
            yield saver
    else:
        with postgres_extra():
            from state.postgres import open_postgres
        async with open_postgres(database, serializer()) as saver:
            yield saver


@asynccontextmanager
async def checkpointer() -> AsyncIterator[Saver]:
    """Yield what `"checkpointer"` in langgraph.json asks for: the database that BRAID_DB names.

    The server loads this file by its path, a second time: hence no classes here.
    """
    async with open_checkpointer() as saver:
        yield saver


async def database_size(url: str | Path | None = None) -> int:
    """Return how many bytes of disk the database takes; 0 if there is none yet."""
    database = locate(url)
    if isinstance(database, Path):
        from state import sqlite

        return await sqlite.size(database)
    with postgres_extra():
        from state import postgres
    return await postgres.size(database)
