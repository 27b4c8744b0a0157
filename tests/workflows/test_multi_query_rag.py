"""`multi_query_rag`: every way of asking counts, and every citation can be looked up."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from support.cli import Cli
from support.openai_server import Asked, OpenAIServer, Status, Text
from support.workflows import EXAMPLES, example, invoke, run_example

from graphs.builders import InputError
from graphs.multi_query_rag import workflow
from nodes.multi_query_rag import retrieve
from nodes.sources.citing import quoted
from state.multi_query_rag import Retrieved, Search

pytestmark = pytest.mark.usefixtures("own_database")

LABELS = {"rewrite": "Rewrite the question", "answer": "in at most six claims"}
QUERIES = {"queries": ["bubbling gas", "emission from wet soil", "BUBBLING gas?", "never reached"]}


def first_passages(asked: Asked) -> Any:
    """Rewrite the question, or claim the first words of each of the first two passages."""
    if asked.label == "rewrite":
        return QUERIES
    found = re.findall(r'<passage id="([12])">\n# .*?\n\n(.*?\.)', asked.text)
    return {"claims": [{"text": said, "source": n, "quote": said} for n, said in found]}


@pytest.fixture
def librarian(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, first_passages
    return openai_server


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, text in {
        "a.md": "# Methane\n\nMethane rises from peat.",
        "b.md": "# Marsh\n\nA bubbling gas, methane, burns at night.",
        "c.md": "# Soil\n\nThe emission of wet soil is small.",
        "d.md": "# Hats\n\nHats are worn on heads.",
    }.items():
        (folder / name).write_text(text)
    return folder


def ask(folder: Path | str, **changes: Any) -> dict[str, Any]:
    return {"question": "What is methane?", "folder": str(folder), "variants": 3, **changes}


async def test_what_more_queries_find_comes_first(librarian: OpenAIServer, notes: Path) -> None:
    result = await invoke("multi_query_rag", **ask(notes))
    assert result["queries"] == ["What is methane?", "bubbling gas", "emission from wet soil"]
    found = {p["url"].partition("#")[0]: p["found_by"] for p in result["passages"]}
    assert found == {"b.md": 2, "a.md": 1, "c.md": 1}
    assert next(iter(found)) == "b.md"
    scores = [passage["score"] for passage in result["passages"]]
    assert scores == sorted(scores, reverse=True)
    assert librarian.counts == {"rewrite": 1, "answer": 1}


async def test_the_answer_cites_file_and_lines(librarian: OpenAIServer, notes: Path) -> None:
    result = await invoke("multi_query_rag", **ask(notes))
    first, second = result["citations"]
    assert first == {
        "number": 1,
        "file": "b.md",
        "lines": [3, 3],
        "title": "Marsh",
        "quotes": ["A bubbling gas, methane, burns at night."],
    }
    assert second["number"] == 2
    assert result["answer"].startswith("A bubbling gas, methane, burns at night. [1] ")
    assert result["files"] == 4


async def test_an_answer_that_no_passage_bears_out_is_asked_for_again(
    librarian: OpenAIServer, notes: Path
) -> None:
    made = {"text": "Made up.", "source": "1", "quote": "nothing of the kind stands there"}
    librarian.script("answer", Text(json.dumps({"claims": [made]})))
    result = await invoke("multi_query_rag", **ask(notes))
    assert librarian.counts["answer"] == 2
    assert "Made up" not in result["answer"]


async def test_one_way_of_asking_needs_no_planner(librarian: OpenAIServer, notes: Path) -> None:
    result = await invoke("multi_query_rag", **ask(notes, variants=1, top=1))
    assert result["queries"] == ["What is methane?"]
    assert len(result["passages"]) == 1
    assert librarian.counts == {"answer": 1}


async def test_a_question_on_which_there_is_nothing_is_not_answered(
    librarian: OpenAIServer, notes: Path
) -> None:
    result = await invoke("multi_query_rag", **ask(notes, question="Zebras?", variants=1))
    assert result["answer"] == "None of the 4 files in the folder has a word of the question in it."
    assert result["citations"] == []
    assert librarian.asked == []


async def test_an_empty_folder_costs_nothing(librarian: OpenAIServer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = await invoke("multi_query_rag", **ask(tmp_path / "empty"))
    assert result["answer"] == "There are no text or Markdown files in the folder."
    assert librarian.asked == []


async def test_a_file_that_cannot_be_read_is_named(librarian: OpenAIServer, notes: Path) -> None:
    (notes / "broken.md").write_bytes(b"\0")
    result = await invoke("multi_query_rag", **ask(notes))
    assert result["skipped"] == ["broken.md: not text, or not readable"]


async def test_a_query_that_fails_leaves_an_answer_from_the_others(
    librarian: OpenAIServer, notes: Path
) -> None:
    async def lame(search: Search) -> Retrieved:
        if search["query"] == "bubbling gas":
            raise OSError("the disk is gone")
        return await retrieve(search)

    result = await replace(workflow, worker=lame).compile().ainvoke(workflow.check(ask(notes)))
    assert result["status"] == "partial"
    assert list(result["failures"]) == ["2. bubbling gas"]
    assert result["queries"] == ["What is methane?", "emission from wet soil"]
    assert result["citations"]


async def test_a_planner_that_is_down_is_asked_again_on_resume_and_nothing_else_is(
    librarian: OpenAIServer, notes: Path
) -> None:
    graph = workflow.compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "t"}}
    librarian.script("rewrite", Status(400))
    with pytest.raises(Exception, match="400"):
        await graph.ainvoke(workflow.check(ask(notes)), thread)
    result = await graph.ainvoke(None, thread)
    assert result["status"] == "complete"
    assert librarian.counts == {"rewrite": 2, "answer": 1}


async def test_a_folder_that_is_not_there_is_named_before_a_model_is_asked(
    librarian: OpenAIServer, notes: Path
) -> None:
    with pytest.raises(InputError, match=r"There is no folder .*nowhere; name one"):
        await invoke("multi_query_rag", **ask(notes / "nowhere"))
    assert librarian.asked == []


@pytest.mark.parametrize("workflow", ["multi_query_rag", "research"])
def test_a_folder_that_is_not_there_is_bad_input(braid: Cli, workflow: str) -> None:
    told = braid("run", workflow, "question=why?", "folder=nowhere", "--json")
    assert (told.status, told.out) == (2, "")
    [line] = told.err.splitlines()
    assert "There is no folder nowhere" in line
    assert not (braid.directory / "braid.sqlite").exists()


@pytest.mark.parametrize(
    "change", [{"folder": "a\0b"}, {"folder": ""}, {"variants": 11}, {"top": 0}]
)
def test_input_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"'{next(iter(change))}' is wrong"):
        workflow.check({**ask("notes"), **change})


def test_the_example_is_answered_offline_with_citations_that_stand(braid: Cli) -> None:
    output = run_example(braid, "multi_query_rag")
    assert example("multi_query_rag")["folder"] == str(EXAMPLES / "notes")
    assert output["files"] == len(list((EXAMPLES / "notes").iterdir()))
    assert len(output["queries"]) > 1
    cited = {int(number) for number in re.findall(r"\[(\d+)\]", output["answer"])}
    assert cited == {citation["number"] for citation in output["citations"]} != set()
    for citation in output["citations"]:
        lines = (EXAMPLES / "notes" / citation["file"]).read_text().split("\n")
        first, last = citation["lines"]
        for quote in citation["quotes"]:
            assert quoted(quote, "\n".join(lines[first - 1 : last]))
    assert "methane" in output["answer"].lower()
