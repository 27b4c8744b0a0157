"""The command line in this process, and a model server that it is pointed to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import Cli
from support.here import Here
from support.openai_server import OpenAIServer

LABELS = {
    "technical": "technical soundness",
    "business": "business value",
    "legal": "legal safety",
    "synthesis": "synthesis",
}
"""What the prompts of document_review and topic_explorer are told apart by."""


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Here:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return Here(tmp_path, monkeypatch, capsys)


@pytest.fixture
def server(braid: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    with OpenAIServer(labels=LABELS) as running:
        braid.env.update(running.env)
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        yield running
