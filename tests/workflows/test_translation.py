"""`translation`: the best candidate for each language, all kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cli import Cli
from support.openai_server import Asked, OpenAIServer, Status
from support.workflows import invoke, run_example

from graphs.builders import InputError
from nodes.translation import overlap

LABELS = {
    "back": "back into the language",
    "French": "into French",
    "German": "into German",
}


def translator(asked: Asked) -> str:
    """Translate faithfully for the one engine and lose words for the other."""
    if asked.label == "back":
        return "the whole text" if "[faithful]" in asked.text else "the text"
    engine = "faithful" if "close to the original" in asked.text else "fluent"
    return f"{asked.label} [{engine}]"


@pytest.fixture
def translators(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, translator
    return openai_server


async def test_the_candidate_that_comes_back_best_is_chosen(translators: OpenAIServer) -> None:
    result = await invoke("translation", text="the whole text", languages=["French", "German"])
    assert result["translations"] == {"French": "French [faithful]", "German": "German [faithful]"}
    assert len(result["candidates"]) == 4
    assert result["candidates"]["French/faithful"]["score"] == 1.0
    assert result["candidates"]["French/fluent"]["score"] == 0.8
    assert result["missing"] == []
    assert translators.counts == {"French": 2, "German": 2, "back": 4}


async def test_a_language_that_failed_is_named_as_missing(translators: OpenAIServer) -> None:
    translators.script("German", Status(400), Status(400))
    result = await invoke("translation", text="the whole text", languages=["French", "German"])
    assert result["status"] == "partial"
    assert result["missing"] == ["German"]
    assert set(result["failures"]) == {"German/faithful", "German/fluent"}


async def test_a_language_named_twice_is_an_input_error(translators: OpenAIServer) -> None:
    with pytest.raises(InputError, match="two items with the id 'French/faithful'"):
        await invoke("translation", text="text", languages=["French", "French"])
    assert not translators.asked


words = st.text("abc ", max_size=20)


@given(words, words)
def test_the_overlap_is_symmetric_and_a_share(one: str, other: str) -> None:
    assert overlap(one, other) == overlap(other, one)
    assert 0 <= overlap(one, other) <= 1
    assert overlap(one, one) == (1.0 if one.split() else 0.0)


def test_the_example_is_honest_offline(braid: Cli) -> None:
    output: Any = run_example(braid, "translation")
    assert set(output["translations"]) == {"French", "German", "Spanish"}
    assert len(output["candidates"]) == 6
    assert all("offline" in text.casefold() for text in output["translations"].values())
