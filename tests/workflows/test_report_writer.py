"""`report_writer`: the planner decides, within a bound; the editor keeps its order."""

from __future__ import annotations

from typing import Any

import pytest
from support.cli import Cli
from support.openai_server import Asked, OpenAIServer, Status, Text
from support.workflows import invoke, run_example

LABELS = {"plan": "Plan a report", "introduce": "Write the introduction", "write": "one section"}


def writing(sections: int) -> Any:
    def answer(asked: Asked) -> Any:
        if asked.label == "plan":
            plan = [{"title": f"Part {n}", "brief": f"Brief {n}."} for n in range(sections)]
            return {"sections": plan}
        return "An introduction." if asked.label == "introduce" else "Some paragraphs."

    return answer


@pytest.fixture
def writers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, writing(4)
    return openai_server


async def test_the_sections_stand_in_the_planners_order(writers: OpenAIServer) -> None:
    result = await invoke("report_writer", topic="tides")
    assert result["titles"] == ["Part 0", "Part 1", "Part 2", "Part 3"]
    assert result["report"].startswith("An introduction.\n\n## Part 0\n\nSome paragraphs.")
    assert writers.counts == {"plan": 1, "write": 4, "introduce": 1}
    outlines = {a.text.count("Part ") for a in writers.asked if a.label == "write"}
    assert outlines == {5}, "each writer sees the whole outline and its own title"


async def test_the_bound_holds_whatever_the_planner_says(writers: OpenAIServer) -> None:
    writers.answers = writing(50)
    result = await invoke("report_writer", topic="tides", max_sections=3)
    assert len(result["titles"]) == 3
    assert writers.counts["write"] == 3


async def test_two_sections_may_have_one_title(writers: OpenAIServer) -> None:
    same = [{"title": "Twin", "brief": "One."}, {"title": "Twin", "brief": "Two."}]
    answer = writing(0)
    writers.answers = lambda a: {"sections": same} if a.label == "plan" else answer(a)
    assert (await invoke("report_writer", topic="tides"))["titles"] == ["Twin", "Twin"]


async def test_a_plan_that_is_none_is_asked_for_again(writers: OpenAIServer) -> None:
    writers.script("plan", Text('{"sections": []}'), Status(503))
    result = await invoke("report_writer", topic="tides")
    assert result["status"] == "complete"
    assert writers.counts["plan"] == 3


async def test_a_missing_section_is_named_in_the_report(writers: OpenAIServer) -> None:
    writers.labels = {"plan": "Plan a report", "bad": "Brief 1.", **LABELS}
    writers.script("bad", Status(400))
    result = await invoke("report_writer", topic="tides")
    assert result["status"] == "partial"
    assert result["missing"] == ["2. Part 1"]
    assert "Missing, because it failed: 2. Part 1." in result["report"]


def test_the_example_is_written_offline(braid: Cli) -> None:
    output = run_example(braid, "report_writer")
    assert 1 <= len(output["titles"]) <= 4
    assert output["missing"] == []
    positions = [output["report"].index(f"## {title}") for title in output["titles"]]
    assert positions == sorted(positions)
