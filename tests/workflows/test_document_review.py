"""`document_review`: three scores and their mean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.cli import Cli
from support.openai_server import Cut, Garbage, OpenAIServer, Status, Text
from support.workflows import example, invoke, run_example

SIDES = {"technical": "technical soundness", "business": "business value", "legal": "legal safety"}
SCORES = {
    "technical": {"score": 8, "reasons": ["Precise."]},
    "business": {"score": 6.5, "reasons": ["Clear."]},
    "legal": {"score": 3, "reasons": ["No governing law."]},
}


@pytest.fixture
def reviewers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = SIDES, SCORES
    return openai_server


async def test_the_scores_of_three_reviewers_are_averaged(reviewers: OpenAIServer) -> None:
    result = await invoke("document_review", document="The supplier delivers in ten days.")
    assert result["final_score"] == 5.83
    assert result["max_score"] == 8
    assert sorted(result["scores"]) == [3, 6.5, 8]
    assert {side: found["score"] for side, found in result["findings"].items()} == {
        side: answer["score"] for side, answer in SCORES.items()
    }
    assert reviewers.counts == {"technical": 1, "business": 1, "legal": 1}
    asked = reviewers.asked[0].body
    assert asked["response_format"]["type"] == "json_schema"
    system, user = asked["messages"]
    assert "ten days" not in system["content"]
    assert "<document>\nThe supplier delivers in ten days.\n</document>" in user["content"]


async def test_one_reviewer_may_fail_and_the_mean_is_of_two(reviewers: OpenAIServer) -> None:
    reviewers.script("legal", *[Status(400)] * 3)
    result = await invoke("document_review", document="Text.")
    assert result["status"] == "partial"
    assert result["final_score"] == 7.25
    assert list(result["failures"]) == ["legal"]
    assert "legal" not in result["findings"]


@pytest.mark.parametrize(
    "fault",
    [
        Status(429, {"Retry-After": "0"}),
        Status(500),
        Status(503),
        Text("{not json"),
        Text('{"score": 11, "reasons": ["too high"]}'),
        Text("I would give it an eight."),
        Garbage(),
        Cut(),
    ],
    ids=repr,
)
async def test_what_may_pass_is_tried_again(reviewers: OpenAIServer, fault: Status) -> None:
    reviewers.script("technical", fault)
    result = await invoke("document_review", document="Text.")
    assert result["status"] == "complete"
    assert reviewers.counts == {"technical": 2, "business": 1, "legal": 1}


@pytest.mark.parametrize("code", [400, 401, 403, 404])
async def test_what_will_not_pass_is_not(reviewers: OpenAIServer, code: int) -> None:
    reviewers.script("technical", Status(code))
    result = await invoke("document_review", document="Text.")
    assert reviewers.counts["technical"] == 1
    failure = result["failures"]["technical"]
    assert failure["attempts"] == 1
    assert str(code) in failure["message"]
    if code == 401:
        assert "check OPENAI_API_KEY" in failure["message"]


def test_the_example_is_reviewed_offline(braid: Cli) -> None:
    output = run_example(braid, "document_review")
    assert set(output["findings"]) == set(SIDES)
    assert len(set(output["scores"])) > 1, "three sides see the document alike"
    assert output["final_score"] == pytest.approx(sum(output["scores"]) / 3, abs=0.01)
    document = example("document_review")["document"]
    for finding in output["findings"].values():
        assert 0 <= finding["score"] <= 10
    words = set(re.findall(r"\w{5,}", document.casefold()))
    for finding in output["findings"].values():
        for reason in finding["reasons"]:
            assert words & set(re.findall(r"\w{5,}", reason.casefold())), reason


def test_any_text_file_can_be_reviewed(braid: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("We will ship the parser in May. Tests cover each rule.")
    result = braid("run", "document_review", "document=@mine.txt", "--json")
    assert result.status == 0
    assert 0 <= result.json["output"]["final_score"] <= 10
