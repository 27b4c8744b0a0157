"""`document_analysis`: one typed report from four analysts."""

from __future__ import annotations

import pytest
from support.cli import Cli
from support.openai_server import OpenAIServer, Status
from support.workflows import example, invoke, run_example

LABELS = {
    "summary": "Summarise the document",
    "entities": "named entities",
    "keywords": "keywords",
    "sentiment": "tone of the document",
}
ANSWERS = {
    "summary": "A meeting took place.",
    "entities": {
        "entities": [
            {"name": "Eschwald", "kind": "place"},
            {"name": "ESCHWALD", "kind": "place"},
            {"name": "14 May", "kind": "date"},
        ]
    },
    "keywords": {"keywords": ["lake", "reed", "lake"]},
    "sentiment": {"label": "positive", "score": 0.4, "evidence": "It became cheerful."},
}


@pytest.fixture
def analysts(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, ANSWERS
    return openai_server


async def test_the_report_has_all_parts_and_each_name_once(analysts: OpenAIServer) -> None:
    report = (await invoke("document_analysis", document="Text."))["report"]
    assert report["summary"] == "A meeting took place."
    assert [entity["kind"] for entity in report["entities"]] == ["place", "date"]
    assert report["keywords"] == ["lake", "reed"]
    assert report["sentiment"]["label"] == "positive"
    assert report["missing"] == []


async def test_a_part_that_failed_is_named(analysts: OpenAIServer) -> None:
    analysts.script("entities", Status(400))
    result = await invoke("document_analysis", document="Text.")
    assert result["status"] == "partial"
    assert result["report"]["missing"] == ["entities"]
    assert "entities" not in result["report"]


def test_the_example_is_analysed_offline(braid: Cli) -> None:
    report = run_example(braid, "document_analysis")["report"]
    document = example("document_analysis")["document"]
    assert report["summary"]
    assert report["entities"], "the example is full of names"
    for entity in report["entities"]:
        assert entity["name"] in " ".join(document.split())
    assert 5 <= len(report["keywords"]) <= 12
    assert -1 <= report["sentiment"]["score"] <= 1
