"""Every test here that takes `database` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from support.databases import fresh_postgres

ROOT = Path(__file__).resolve().parents[2]

Child = subprocess.Popen[str]


@pytest.fixture
def postgres_url() -> Iterator[str]:
    with fresh_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Make fresh databases, named as `open_checkpointer` takes them."""
    with ExitStack() as until_the_end:
        files = count()

        def make() -> str:
            if request.param == "sqlite":
                return str(tmp_path / f"braid {next(files)}.sqlite")
            return until_the_end.enter_context(fresh_postgres())

        yield make


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """Start `support.database_child` with arguments; what still runs at the end is killed."""
    started: list[Child] = []

    def start(*arguments: str) -> Child:
        process = subprocess.Popen(
            [sys.executable, "-m", "support.database_child", *arguments],
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
