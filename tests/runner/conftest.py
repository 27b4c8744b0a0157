"""A model server that the command line is pointed to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.cli import Cli
from support.openai_server import OpenAIServer

LABELS = {
    "technical": "technical soundness",
    "business": "business value",
    "legal": "legal safety",
    "synthesis": "synthesis",
}
"""What the prompts of document_review and topic_explorer are told apart by."""


@pytest.fixture
def server(braid: Cli) -> Iterator[OpenAIServer]:
    with OpenAIServer(labels=LABELS) as running:
        braid.env.update(running.env)
        yield running
