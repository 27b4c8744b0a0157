"""Settings that must stand before LangGraph is imported, and the fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

OWN = ("OPENAI_", "BRAID_", "LANGGRAPH_", "LANGSMITH_", "LANGCHAIN_", "DASK_")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
for name in list(os.environ):
    mine = name.startswith(OWN) or name.lower() in PROXIES
    if mine and name != "BRAID_TEST_POSTGRES":
        del os.environ[name]  # the developer's own settings are not the tests'
os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
os.environ["BRAID_OFFLINE_LATENCY"] = "0"
# A shell's background job ignores Ctrl-C, and so would every program that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest  # noqa: E402 - after the settings above
from hypothesis import settings  # noqa: E402
from support.cli import Cli  # noqa: E402
from support.dev_server import DevServer  # noqa: E402
from support.openai_server import OpenAIServer  # noqa: E402
from support.web import Web  # noqa: E402

# The same examples in every run: a failure is one's own change's, not chance's.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture
def braid(tmp_path: Path) -> Iterator[Cli]:
    """Give the command line, with a directory and a database of its own and no model set."""
    cli = Cli(tmp_path)
    yield cli
    cli.close()


@pytest.fixture(scope="session")
def dev_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """Give a `langgraph dev` without a key, shared by all tests: use threads of your own."""
    server = DevServer(tmp_path_factory.mktemp("dev_server")).start()
    yield server
    server.stop()


@pytest.fixture
def fresh_dev_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., DevServer]]:
    """Give a function that starts a `langgraph dev` of the test's own, with DevServer's options."""
    started: list[DevServer] = []

    def fresh(**options: Any) -> DevServer:
        server = DevServer(tmp_path_factory.mktemp("dev_server"), **options)
        started.append(server)
        return server.start()

    yield fresh
    for server in started:
        server.stop()


@pytest.fixture
def openai_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """Give a model server, and have this process ask it."""
    with OpenAIServer() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def web() -> Iterator[Web]:
    """Give a web server for sources to ask."""
    with Web() as server:
        yield server


@pytest.fixture
def own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have this process keep its database, and the indexes beside it, in a directory of its own."""
    database = tmp_path / "braid.sqlite"
    monkeypatch.setenv("BRAID_DB", str(database))
    return database
