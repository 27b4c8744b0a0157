"""`content_kit`: four parts whose rules are checked."""

from __future__ import annotations

import pytest
from support.cli import Cli
from support.openai_server import OpenAIServer, Status, Text
from support.workflows import invoke, run_example

LABELS = {
    "title": "Write a title",
    "meta_description": "meta description",
    "social_post": "social post",
    "hashtags": "hashtags",
}


@pytest.fixture
def writers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels = LABELS
    return openai_server


async def test_the_kit_has_all_parts(writers: OpenAIServer) -> None:
    result = await invoke("content_kit", topic="tea")
    assert list(result["kit"]) == list(LABELS)
    assert result["topic"] == "tea"
    assert writers.counts == dict.fromkeys(LABELS, 1)


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        ("title", '{"title": "%s"}' % ("t" * 71)),
        ("meta_description", '{"meta_description": "%s"}' % ("m" * 161)),
        ("social_post", '{"social_post": "%s"}' % ("s" * 281)),
        ("hashtags", '{"hashtags": ["#one", "#two"]}'),
        ("hashtags", '{"hashtags": ["#one", "two", "#three"]}'),
        ("hashtags", '{"hashtags": ["#one", "#two words", "#three"]}'),
    ],
)
async def test_an_answer_that_breaks_a_rule_is_asked_for_again(
    writers: OpenAIServer, part: str, answer: str
) -> None:
    writers.script(part, Text(answer))
    result = await invoke("content_kit", topic="tea")
    assert result["status"] == "complete"
    assert writers.counts[part] == 2


async def test_a_kit_may_lack_one_part(writers: OpenAIServer) -> None:
    writers.script("hashtags", Status(400))
    result = await invoke("content_kit", topic="tea")
    assert result["status"] == "partial"
    assert list(result["kit"]) == ["title", "meta_description", "social_post"]
    assert list(result["failures"]) == ["hashtags"]


def test_the_example_keeps_its_rules_offline(braid: Cli) -> None:
    kit = run_example(braid, "content_kit")["kit"]
    assert 0 < len(kit["title"]) <= 70
    assert 0 < len(kit["meta_description"]) <= 160
    assert 0 < len(kit["social_post"]) <= 280
    assert 3 <= len(kit["hashtags"]) <= 8
    assert all(tag.startswith("#") and " " not in tag for tag in kit["hashtags"])


def test_compare_measures_the_speed_up(braid: Cli) -> None:
    result = braid("compare", "content_kit", "--json", env={"BRAID_OFFLINE_LATENCY": "0.5"})
    assert result.status == 0, result.err
    report = result.json
    assert set(report) == {"sequential", "parallel", "speedup", "limit"}
    one, all_at_once = report["sequential"], report["parallel"]
    assert report["speedup"] == pytest.approx(one["wall_s"] / all_at_once["wall_s"])
    assert report["limit"] == pytest.approx(all_at_once["sum_s"] / all_at_once["critical_s"])
    assert report["limit"] > 3
    for branch in one["branches"]:
        others = [b for b in one["branches"] if b["name"] != branch["name"]]
        assert all(
            b["end_s"] <= branch["start_s"] + 1e-6 or b["start_s"] >= branch["end_s"] - 1e-6
            for b in others
        ), "one at a time must not overlap"
    latest_start = max(branch["start_s"] for branch in all_at_once["branches"])
    assert all(branch["end_s"] > latest_start for branch in all_at_once["branches"])
