"""Where state is kept: one setting, read in one place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEFAULT = "braid.sqlite"
MEMORY = Path(":memory:")
"""SQLite's name for a database that lives as long as its connection."""


class UnusableDatabase(ValueError):
    """State cannot be kept in, or read from, the database that is named."""


class Unreadable(UnusableDatabase):
    """What is kept of one thread cannot be turned into values again."""


def locate(url: str | Path | None = None) -> Path | str:
    """Return a SQLite database as the path of its file, a PostgreSQL database as its URL.

    Without `url` the setting BRAID_DB counts, and without that `braid.sqlite` in the working
    directory. `sqlite:///name` is relative, `sqlite:////name` absolute, as in SQLAlchemy.
    """
    named = str(url or os.environ.get("BRAID_DB") or DEFAULT)
    scheme, found, rest = named.partition("://")
    if not found:
        return Path(os.path.expanduser(named))
    if scheme in ("postgres", "postgresql"):
        return named
    if scheme == "sqlite" and rest.startswith("/") and rest != "/":
        return Path(os.path.expanduser(rest[1:]))
    raise UnusableDatabase(
        f"State cannot be kept in a database named {scheme}://...: name a file, "
        "sqlite:///file or postgresql://user@host/database (setting BRAID_DB)."
    )


def check_place(file: Path) -> None:
    """Tell apart what SQLite calls "unable to open database file"."""
    if file == MEMORY:
        return
    try:
        if file.exists() and not file.is_file():
            raise UnusableDatabase(f"{file} is not a file: set BRAID_DB to a file.")
        if not file.parent.is_dir():
            raise UnusableDatabase(f"The directory {file.parent} does not exist: create it first.")
    except OSError as error:
        raise UnusableDatabase(f"{file} cannot be opened: {error.strerror}.") from error


@contextmanager
def postgres_extra() -> Iterator[None]:
    """Say how to install what speaks to PostgreSQL, around an import that needs it."""
    try:
        yield
    except ImportError as error:
        raise UnusableDatabase(
            f'PostgreSQL needs an extra: pip install "langgraph-braid[postgres]" ({error}).'
        ) from error
