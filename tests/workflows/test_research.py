"""`research`: branches of different lengths, notes united by url, a report that cites them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from support.cli import Cli
from support.openai_server import Asked, OpenAIServer, Status
from support.web import Reply, Web
from support.workflows import EXAMPLES, invoke, run_example

from graphs.builders import InputError
from graphs.research import workflow

pytestmark = pytest.mark.usefixtures("own_database")

LABELS = {"report": "in a short report", "notes": "Take notes"}
QUESTION = "How does peat give off methane?"


def scholar(asked: Asked) -> Any:
    """Note the first sentence of each passage, or cite every note and one that is none."""
    if asked.label == "report":
        numbers = re.findall(r'<note id="(\d+)">', asked.text)
        cited = ", ".join([*numbers, "99"])
        return f"It rises in bubbles [{cited}]. Nobody knows more [0]."
    found = re.findall(r'<passage id="(\d+)">\n# .*?\n\n(?:# .*?\n\n)?(.*?\.)', asked.text)
    return {"claims": [{"text": said, "source": n, "quote": said} for n, said in found]}


@pytest.fixture
def model(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, scholar
    return openai_server


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, text in {
        "methane in peat.md": "# Methane in peat\n\nMethane rises from peat.",
        "2024-01-01 field day.md": "# Field day\n\nWe heard that peat gives off methane.",
        "2020-01-01 list.md": "# List\n\nBuy boots.",
    }.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def services(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """Have the three public sources ask the local server."""
    monkeypatch.setenv("BRAID_WIKIPEDIA_URL", f"{web.url}/wiki")
    monkeypatch.setenv("BRAID_ARXIV_URL", f"{web.url}/arxiv")
    monkeypatch.setenv("BRAID_HACKER_NEWS_URL", f"{web.url}/hn")
    page = {
        "pageid": 1,
        "title": "Peat",
        "extract": "Peat gives off gas.",
        "canonicalurl": "https://w.example/Peat",
    }
    story = {"objectID": "7", "title": "Peat gas", "url": "https://w.example/Peat"}
    comments = {"text": None, "children": [{"text": "I saw peat bubbles myself.", "children": []}]}
    web.answers = {
        "/wiki": Reply({"query": {"pages": [page]}}),
        "/arxiv": Reply(
            '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/abs/1</id>'
            "<title>Peat flux</title><summary>We measured the flux of peat.</summary></entry>"
            "</feed>"
        ),
        "/hn/search": Reply({"hits": [story]}),
        "/hn/items/7": Reply(comments),
    }
    return web


def local(folder: Path, **changes: Any) -> dict[str, Any]:
    return {"question": QUESTION, "folder": str(folder), **changes}


async def test_notes_of_all_branches_are_united_by_file_and_cited(
    model: OpenAIServer, notes: Path
) -> None:
    result = await invoke("research", **local(notes))
    assert result["status"] == "complete"
    assert set(result["notes"]) == {"methane in peat.md", "2024-01-01 field day.md"}
    assert list(result["notes"]["methane in peat.md"]["said"]) == ["Methane rises from peat."]
    assert set(result["cited"]) == set(result["notes"])
    assert model.counts == {"notes": 3, "report": 1}


async def test_a_number_that_is_no_notes_is_taken_out(model: OpenAIServer, notes: Path) -> None:
    report = (await invoke("research", **local(notes)))["report"]
    assert "It rises in bubbles [1][2]. Nobody knows more." in report
    assert re.findall(r"^\d\. .*\(source: notes\)$", report, flags=re.MULTILINE)


async def test_the_branches_have_steps_of_their_own_and_overlap(
    model: OpenAIServer, notes: Path
) -> None:
    spans = [span for span in await spans_of(local(notes)) if span["node"] in workflow.branches]
    steps = {name: [s["step"] for s in spans if s["name"] == name] for name in workflow.branches}
    assert steps == {
        "background": ["search", "read", "extract"],
        "evidence": ["search", "extract"],
        "recent": ["search", "read", "extract"],
    }


async def test_no_branch_waits_for_the_steps_of_another(model: OpenAIServer, services: Web) -> None:
    model.labels = {"background": "Peat gives off gas", "evidence": "flux of peat", **LABELS}
    model.hold("evidence")
    graph = workflow.compile()
    ended: list[str] = []
    async for event in graph.astream(
        workflow.check({"question": QUESTION, "sources": "web"}), stream_mode="custom"
    ):
        if event["ev"] == "end" and event.get("step") == "extract":
            ended.append(event["braid"])
            if set(ended) == {"background", "recent"}:
                model.release("evidence")
    assert ended[-1] == "evidence", "the short branch was held; the long ones came to their end"


async def test_the_web_is_searched_read_and_noted(model: OpenAIServer, services: Web) -> None:
    result = await invoke("research", question=QUESTION, sources="web")
    assert result["status"] == "complete"
    assert {note["source"] for note in result["notes"].values()} == {
        "Wikipedia",
        "arXiv",
        "Hacker News",
    }
    assert set(result["notes"]) == {
        "https://w.example/Peat",
        "https://arxiv.org/abs/1",
        "https://news.ycombinator.com/item?id=7",
    }
    assert sorted(services.paths()) == ["/arxiv", "/hn/items/7", "/hn/search", "/wiki", "/wiki"]
    [asked] = [request for request in services.asked if request.path == "/hn/search"]
    assert asked.params["query"] == "peat methane", "without the little words"


async def test_a_search_without_results_is_made_wider(model: OpenAIServer, services: Web) -> None:
    found = services.answers["/hn/search"]
    assert isinstance(found, Reply)
    services.answers["/hn/search"] = [Reply({"hits": []}), Reply({"hits": []}), found]
    question = "Which upland bogs release ammonia when flooded?"
    result = await invoke("research", question=question, sources="web")
    queries = [r.params["query"] for r in services.asked if r.path == "/hn/search"]
    assert queries == [
        "upland bogs release ammonia flooded",
        "release ammonia flooded",
        "release ammonia",
    ]
    assert "https://news.ycombinator.com/item?id=7" in result["notes"]


async def test_a_source_that_is_down_is_named_and_the_others_report(
    model: OpenAIServer, services: Web
) -> None:
    services.answers["/arxiv"] = Reply("gone", 410)
    result = await invoke("research", question=QUESTION, sources="web")
    assert result["status"] == "partial"
    assert result["failures"]["evidence"]["step"] == "search"
    assert result["missing"] == ["The branch evidence failed: arXiv answered 410 Gone"]
    assert "arXiv answered 410 Gone" in result["report"]
    assert len(result["notes"]) == 2


async def test_a_rate_limit_is_waited_out_as_the_source_asks(
    model: OpenAIServer, services: Web
) -> None:
    services.answers["/hn/items/7"] = [
        Reply("slow down", 429, {"Retry-After": "0"}),
        services.answers["/hn/items/7"],  # type: ignore[list-item]
    ]
    result = await invoke("research", question=QUESTION, sources="web")
    assert result["status"] == "complete"
    assert services.paths().count("/hn/items/7") == 2
    assert services.paths().count("/hn/search") == 1, "the step before is not taken again"


async def test_a_retry_goes_on_at_the_step_that_failed(model: OpenAIServer, services: Web) -> None:
    for path in ("/wiki", "/arxiv"):
        services.answers[path] = Reply("gone", 410)
    services.answers["/hn/items/7"] = [Reply("gone", 410), services.answers["/hn/items/7"]]  # type: ignore[list-item]
    graph = workflow.compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "t"}}
    paused = await graph.ainvoke(
        workflow.check({"question": QUESTION, "sources": "web"}), thread, version="v1"
    )
    assert paused["__interrupt__"]
    result = await graph.ainvoke(Command(resume={"action": "retry"}), thread)
    assert result["status"] == "partial"
    assert list(result["notes"]) == ["https://news.ycombinator.com/item?id=7"]
    assert services.paths().count("/hn/search") == 1


async def test_nothing_found_is_reported_as_nothing(model: OpenAIServer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = await invoke("research", **local(tmp_path / "empty"))
    assert model.asked == []
    assert "Nothing that bears on the question was found." in result["report"]
    assert "The branch recent found nothing in empty." in result["missing"]
    assert result["cited"] == []


async def test_a_failing_model_call_leaves_the_notes_of_the_other_branches(
    model: OpenAIServer, notes: Path
) -> None:
    model.script("notes", Status(400))
    result = await invoke("research", **local(notes))
    assert result["status"] == "partial"
    [(branch, failure)] = result["failures"].items()
    assert failure["step"] == "extract"
    assert f"The branch {branch} failed" in result["report"]


def test_local_research_needs_a_folder() -> None:
    with pytest.raises(
        InputError, match='research: give a folder with your notes, or sources="web"'
    ):
        workflow.check({"question": QUESTION})
    assert workflow.check({"question": QUESTION, "sources": "web"})["folder"] is None


def test_the_example_is_reported_offline(braid: Cli) -> None:
    output = run_example(braid, "research")
    files = {file.name for file in (EXAMPLES / "notes").iterdir()}
    assert output["cited"]
    assert set(output["cited"]) <= set(output["notes"]) <= files
    assert len(output["notes"]) > 1
    assert output["missing"] == []
    body, _, sources = output["report"].partition("## Sources")
    for number in set(re.findall(r"\[(\d+)\]", body)):
        assert re.search(rf"^{number}\. ", sources, flags=re.MULTILINE)


async def spans_of(values: dict[str, Any]) -> list[Any]:
    graph = workflow.compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "t"}}
    await graph.ainvoke(workflow.check(values), thread)
    spans: list[Any] = (await graph.aget_state(thread)).values["spans"]
    return spans
