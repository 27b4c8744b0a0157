"""Databases to test on: a fresh SQLite file, a fresh database of a real PostgreSQL server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from uuid import uuid4

import psycopg
import pytest

SERVER = os.environ.get("BRAID_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


@cache
def _unreachable() -> str | None:
    try:
        psycopg.connect(SERVER, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        return f"no PostgreSQL server at BRAID_TEST_POSTGRES: {str(error).splitlines()[0]}"
    return None


def administer(sql: str) -> None:
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(sql.encode())


@contextmanager
def fresh_postgres() -> Iterator[str]:
    """Yield the URL of a new, empty database; without a server skip the test, in CI fail it."""
    if reason := _unreachable():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    name = f"braid_test_{uuid4().hex[:12]}"
    administer(f"CREATE DATABASE {name}")
    try:
        yield f"{SERVER.rpartition('/')[0]}/{name}"
    finally:
        administer(f"DROP DATABASE {name} WITH (FORCE)")
