"""`headline_options`: three headlines that differ, and a judge's choice."""

from __future__ import annotations

import pytest
from support.cli import Cli
from support.openai_server import OpenAIServer, Status, Text
from support.workflows import invoke, run_example

LABELS = {
    "factual": "main fact",
    "curious": "raises a question",
    "benefit": "concrete benefit",
    "another": "already taken",
    "judge": "Choose the headline",
}
ANSWERS = {
    "factual": {"headline": "A bicycle that folds"},
    "curious": {"headline": "Who still needs a car?"},
    "benefit": {"headline": "Park in your lift"},
    "another": {"headline": "Something else"},
    "judge": {"choice": "benefit", "reason": "It is concrete."},
}


@pytest.fixture
def writers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, dict(ANSWERS)
    return openai_server


async def test_the_judge_picks_one_and_all_are_returned(writers: OpenAIServer) -> None:
    result = await invoke("headline_options", brief="A folding bicycle.")
    assert result["headline"] == "Park in your lift"
    assert result["winner"] == "benefit"
    assert result["reason"] == "It is concrete."
    assert len(result["headlines"]) == 3
    assert "another" not in writers.counts


async def test_a_headline_that_repeats_another_is_written_anew(writers: OpenAIServer) -> None:
    writers.answers = {**ANSWERS, "curious": {"headline": "a BICYCLE that folds!"}}
    result = await invoke("headline_options", brief="A folding bicycle.")
    assert writers.counts["another"] == 1
    assert len({headline.casefold() for headline in result["headlines"].values()}) == 3


async def test_a_choice_that_is_none_is_asked_for_again(writers: OpenAIServer) -> None:
    writers.script("judge", Text('{"choice": "mine", "reason": "I like it."}'))
    assert (await invoke("headline_options", brief="A bicycle."))["winner"] == "benefit"
    assert writers.counts["judge"] == 2


async def test_two_options_are_enough_for_a_choice(writers: OpenAIServer) -> None:
    writers.script("curious", Status(400))
    result = await invoke("headline_options", brief="A bicycle.")
    assert result["status"] == "partial"
    assert set(result["headlines"]) == {"factual", "benefit"}


def test_the_example_has_three_different_headlines_offline(braid: Cli) -> None:
    output = run_example(braid, "headline_options")
    assert len({headline.casefold() for headline in output["headlines"].values()}) == 3
    assert output["headline"] == output["headlines"][output["winner"]]
    assert output["reason"]
