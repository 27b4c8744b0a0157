"""Settings that must stand before LangGraph is imported, and the fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
for name in [n for n in os.environ if n.startswith(("OPENAI_", "BRAID_", "LANGSMITH_"))]:
    if name != "BRAID_TEST_POSTGRES":
        del os.environ[name]  # the developer's own settings are not the tests'
os.environ["BRAID_OFFLINE_LATENCY"] = "0"

import pytest  # noqa: E402 - after the settings above
from support.cli import Cli  # noqa: E402
from support.openai_server import OpenAIServer  # noqa: E402


@pytest.fixture
def braid(tmp_path: Path) -> Cli:
    """Give the command line, with a directory and a database of its own and no model set."""
    return Cli(tmp_path)


@pytest.fixture
def openai_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """Give a model server, and have this process ask it."""
    with OpenAIServer() as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        yield server
