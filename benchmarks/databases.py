"""Databases to measure on: SQLite files, and a PostgreSQL server where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

SERVER = os.environ.get("BRAID_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


@contextmanager
def fresh_postgres() -> Iterator[str | None]:
    """Yield the URL of a new database that is dropped afterwards; None without a server."""
    import psycopg

    try:
        server = psycopg.connect(SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        yield None
        return
    name = f"braid_bench_{uuid4().hex[:12]}"
    with server:
        server.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield f"{SERVER.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
