"""The command line as its users start it, and a model server that it can be pointed to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import Cli
from support.openai_server import OpenAIServer

REVIEWERS = {
    "technical": "technical soundness",
    "business": "business value",
    "legal": "legal safety",
    "synthesis": "synthesis",
}
"""What the prompts of document_review and topic_explorer are told apart by."""


@pytest.fixture
def braid(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def server(braid: Cli) -> Iterator[OpenAIServer]:
    """Have `braid` ask a model server that the test controls."""
    with OpenAIServer(labels=REVIEWERS) as running:
        braid.env.update(running.env)
        yield running
