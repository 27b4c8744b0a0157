"""`topic_explorer`: three findings and a synthesis of them."""

from __future__ import annotations

import pytest
from support.cli import Cli
from support.openai_server import OpenAIServer, Status, Text
from support.workflows import invoke, run_example

LABELS = {
    "synthesis": "short synthesis",
    "summary": "Write a summary",
    "questions": "Ask three questions",
    "key_terms": "Name five to ten key terms",
}
ANSWERS = {
    "summary": "Tides are regular.",
    "questions": {"questions": ["Why?", "How?", "When?"]},
    "key_terms": {"key_terms": ["tide", "moon", "sea", "power", "turbine"]},
    "synthesis": "The whole of it.",
}


@pytest.fixture
def explorers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, ANSWERS
    return openai_server


async def test_the_synthesis_is_written_from_the_findings_and_the_topic(
    explorers: OpenAIServer,
) -> None:
    result = await invoke("topic_explorer", topic="tides")
    assert result["synthesis"] == "The whole of it."
    assert result["topic"] == "tides"
    assert set(result["findings"]) == {"summary", "questions", "key_terms"}
    [asked] = [asked for asked in explorers.asked if asked.label == "synthesis"]
    for part in ("tides", "Tides are regular.", "turbine", "When?"):
        assert part in asked.text


async def test_the_synthesis_does_without_a_finding_that_failed(explorers: OpenAIServer) -> None:
    explorers.script("questions", Status(400))
    result = await invoke("topic_explorer", topic="tides")
    assert result["status"] == "partial"
    assert list(result["failures"]) == ["questions"]
    [asked] = [asked for asked in explorers.asked if asked.label == "synthesis"]
    assert "<questions>" not in asked.text


async def test_the_aggregator_is_tried_again_like_a_branch(explorers: OpenAIServer) -> None:
    explorers.script("synthesis", Status(503), Text(""))
    result = await invoke("topic_explorer", topic="tides")
    assert result["synthesis"] == "The whole of it."
    assert explorers.counts["synthesis"] == 3
    assert explorers.counts["summary"] == 1


def test_the_example_is_explored_offline(braid: Cli) -> None:
    output = run_example(braid, "topic_explorer")
    findings = output["findings"]
    assert len(findings["questions"]) == 3
    assert 5 <= len(findings["key_terms"]) <= 10
    assert "tid" in " ".join(findings["key_terms"]).casefold()
    assert findings["summary"]
    assert output["synthesis"]
