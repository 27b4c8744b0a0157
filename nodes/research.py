"""Three branches that search, read and take notes, and a report that cites the notes.

The background comes from Wikipedia, or from the files whose titles fit; the evidence from arXiv,
or from the passages that fit; what is recent from Hacker News, or from the newest files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from nodes.models import write
from nodes.sources import Arxiv, FolderSource, HackerNews, Readable, Source, Wikipedia, claims
from nodes.sources.citing import LONGEST_PASSAGE, numbered
from nodes.sources.folder import View, readable_folder
from nodes.sources.fts import keywords
from state import Context
from state.research import Found, Note, Noted, ResearchState
from state.sources import Hit

Branch = Literal["background", "evidence", "recent"]

VIEWS: dict[Branch, View] = {
    "background": "titles",
    "evidence": "passages",
    "recent": "recent",
}

EXTRACT = (
    "Take notes for an answer to the question: state in at most eight claims what bears on it."
)
REPORT = (
    "Answer the question from the notes in a short report. After each sentence name the numbers "
    "of the notes that it rests on in brackets, as in [2] or [1][3]. Say only what the notes say, "
    "say where they disagree, and say what they leave open."
)

_NUMBERS = re.compile(r"\s*\[(\d+(?:\s*[,;]\s*\d+)*)\]")


class Reported(TypedDict):
    """What the aggregator writes."""

    report: str
    cited: list[str]
    missing: list[str]


def somewhere_to_look(values: Mapping[str, Any]) -> None:
    """Refuse a local search without a folder that can be read."""
    if values["sources"] != "local":
        return
    if values["folder"] is None:
        raise ValueError(
            'give a folder with your notes, or sources="web" to ask Wikipedia, arXiv and Hacker '
            "News"
        )
    readable_folder(values["folder"])


async def search(branch: Branch, state: ResearchState) -> Found:
    """Find what fits the question; where nothing has all its words, what has the main ones."""
    source = _source(branch, state)
    hits: list[Hit] = []
    for query in _queries(state["question"]):
        hits = await source.search(query, state["limit"])
        if hits:
            break
    return {"found": {branch: [_kept(hit) for hit in hits]}}


async def read(branch: Branch, state: ResearchState) -> Found:
    """Read what was found: the whole article, the whole file, the whole discussion."""
    source = _readable(branch, state)
    # One after the other: the public interfaces ask for that.
    hits = [_kept(await source.read(hit)) for hit in state["found"][branch]]
    return {"found": {branch: hits}}


async def extract(branch: Branch, state: ResearchState, runtime: Runtime[Context]) -> Noted:
    """Take notes of what bears on the question."""
    hits = [hit for hit in state["found"][branch] if hit["text"].strip()]
    held, dropped = await claims(runtime, EXTRACT, hits, question=state["question"])
    notes: dict[str, Note] = {}
    for claim in held:
        note = notes.setdefault(
            claim["url"],
            Note(title=claim["title"], url=claim["url"], source=claim["source"], said={}),
        )
        note["said"][claim["text"]] = claim["quote"]
    return {"notes": notes, "dropped": {branch: dropped}}


async def write_report(state: ResearchState, runtime: Runtime[Context]) -> Reported:
    """Answer from the notes; a number that is no note's is taken out of the answer."""
    notes, missing = list(state["notes"].values()), list(_missing(state))
    text, cited = "Nothing that bears on the question was found.", set[int]()
    if notes:
        shown = numbered("note", [" ".join(note["said"]) for note in notes])
        answer = await write(runtime, REPORT, question=state["question"], notes=shown)
        text, cited = _checked(answer, len(notes))
    listed = [
        (f"{number}. {note['title']}: {note['url']} (source: {note['source']})", number in cited)
        for number, note in enumerate(notes, start=1)
    ]
    sections = {
        "Sources": [line for line, is_cited in listed if is_cited],
        "Also found": [line for line, is_cited in listed if not is_cited],
        "Missing": [f"- {each}" for each in missing],
    }
    parts = [f"# {state['question']}", text]
    parts += ["\n".join([f"## {name}", "", *lines]) for name, lines in sections.items() if lines]
    return {
        "report": "\n\n".join(parts),
        "cited": [notes[number - 1]["url"] for number in sorted(cited)],
        "missing": missing,
    }


def _source(branch: Branch, state: ResearchState) -> Source:
    if state["sources"] == "web" and branch == "evidence":
        return Arxiv()
    return _readable(branch, state)


def _readable(branch: Branch, state: ResearchState) -> Readable:
    if state["sources"] == "web":
        return Wikipedia() if branch == "background" else HackerNews()
    return FolderSource(state["folder"] or "", VIEWS[branch])


def _queries(question: str) -> Iterator[str]:
    """Yield the question's keywords, then the three and the two longest of them."""
    words = keywords(question)
    yield " ".join(words)
    for fewer in (3, 2):
        if len(words) > fewer:
            longest = sorted(words, key=len, reverse=True)[:fewer]
            yield " ".join(word for word in words if word in longest)


def _kept(hit: Hit) -> Hit:
    """Return what the state keeps of a hit: as much of its text as a model is shown.

    A passage counts as its file, so that notes on one file become one note.
    """
    text = hit["text"][:LONGEST_PASSAGE]
    if (file := hit.get("data", {}).get("file")) is None:
        return {**hit, "text": text}
    return {**hit, "text": text, "title": hit["title"].partition(" > ")[0], "url": file}


def _checked(text: str, notes: int) -> tuple[str, set[int]]:
    """Return the text with those numbers only that are a note's, and these numbers."""
    cited: set[int] = set()

    def right(found: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", found[1])]
        real = [number for number in numbers if 1 <= number <= notes]
        cited.update(real)
        return f" {''.join(f'[{number}]' for number in real)}" if real else ""

    return _NUMBERS.sub(right, text).strip(), cited


def _missing(state: ResearchState) -> Iterator[str]:
    for branch in ("background", "evidence", "recent"):
        if failure := state["failures"].get(branch):
            yield f"The branch {branch} failed: {failure['message']}"
        elif not state["found"].get(branch):
            yield f"The branch {branch} found nothing in {_source(branch, state).name}."
        if dropped := state["dropped"].get(branch, 0):
            yield f"Claims of {branch} that its sources do not bear out, left out: {dropped}."
