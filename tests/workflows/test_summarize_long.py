"""`summarize_long`: chunks at structure, summaries in order, in rounds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from support.cli import Cli
from support.openai_server import Asked, OpenAIServer, Status
from support.toys import on
from support.workflows import example, invoke, run_example

from graphs.summarize_long import workflow
from nodes.summarize_long import split_text

LABELS = {"part": "part of a longer text", "unite": "summary of the whole"}


def numbers(asked: Asked) -> str:
    """Summarise a passage by the chapter numbers in it, in 20 words or so."""
    found = re.findall(r"chapter-\d+", asked.text)
    return " ".join(dict.fromkeys(found)) or "nothing"


@pytest.fixture
def readers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, numbers
    return openai_server


def book(chapters: int, words: int) -> str:
    sections = [
        f"# chapter-{number}\n\n" + " ".join(f"Word{w} stands here." for w in range(words))
        for number in range(chapters)
    ]
    return "\n\n".join(sections)


async def test_the_summary_keeps_the_order_of_the_chapters(readers: OpenAIServer) -> None:
    result = await invoke("summarize_long", document=book(12, 30), chunk_tokens=200)
    assert result["summary"].split() == [f"chapter-{number}" for number in range(12)]
    assert result["outline"] == [f"chapter-{number}" for number in range(12)]
    assert result["rounds"] == 1
    assert readers.counts == {"part": 12, "unite": 1}


async def test_summaries_are_summarised_until_they_fit(readers: OpenAIServer) -> None:
    graph = workflow.compile(checkpointer=InMemorySaver())
    values = workflow.check({"document": book(60, 20), "chunk_tokens": 120})
    result = await graph.ainvoke(values, on("t"))
    assert result["rounds"] == 2
    assert result["summary"].split() == [f"chapter-{number}" for number in range(60)]
    spans = (await graph.aget_state(on("t"))).values["spans"]
    calls = sum(usage["calls"] for span in spans for usage in span.get("usage", {}).values())
    assert calls == len(readers.asked), "the calls of later rounds belong to the aggregator"


async def test_a_model_that_does_not_shorten_is_not_asked_for_ever(readers: OpenAIServer) -> None:
    readers.answers = lambda asked: "word " * 120 if asked.label == "part" else "The end."
    result = await invoke("summarize_long", document=book(6, 30), chunk_tokens=100)
    assert result["summary"] == "The end."


async def test_a_chunk_that_failed_is_named(readers: OpenAIServer) -> None:
    readers.labels = {"bad": "chapter-7\n", **LABELS}
    readers.script("bad", Status(400))
    result = await invoke("summarize_long", document=book(12, 30), chunk_tokens=200)
    assert result["status"] == "partial"
    assert list(result["failures"]) == ["part 8 of 12"]
    assert "chapter-7" not in result["summary"]


text = st.text(st.sampled_from("ab .!?\n#A"), max_size=400)


@given(text, st.integers(1, 60))
@settings(max_examples=300)
def test_chunks_fit_and_lose_nothing_but_white_space(content: str, size: int) -> None:
    chunks = split_text(content, size)
    assert all(0 < len(chunk) <= size for chunk in chunks)
    assert "".join("".join(chunks).split()) == "".join(content.split())


def test_chunks_end_at_headings_then_paragraphs_then_sentences() -> None:
    content = "# One\n\nFirst. Second.\n\nThird.\n\n# Two\n\nFourth."
    assert split_text(content, 40) == ["# One\n\nFirst. Second.\n\nThird.", "# Two\n\nFourth."]
    assert split_text("First one. Second one. Third.", 24) == ["First one. Second one.", "Third."]


def test_the_example_is_summarised_offline(braid: Cli) -> None:
    output = run_example(braid, "summarize_long")
    assert len(output["outline"]) > 3
    assert len(output["summary"]) < len(example("summarize_long")["document"]) / 4
    assert "hedge" in output["summary"].casefold()
