"""A question asked in several ways, the fused ranking of what was found, and a cited answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from nodes.models import fill
from nodes.sources import FolderSource, claims
from nodes.sources.folder import readable_folder
from nodes.sources.fts import keywords
from reducers import ranked, ranks_of
from state import Context
from state.multi_query_rag import (
    Citation,
    RagState,
    RankedPassage,
    Retrieved,
    Search,
)
from state.sources import Claim

REWRITE = (
    "Rewrite the question as {most} different search queries for a full-text index: use other "
    "words for the same thing, name what an answer would contain, ask for its parts."
)
ANSWER = "Answer the question in at most six claims that read as one text, the main one first."

DEPTH = 20
"""Passages that one query may find; fusion decides which of them count."""

Query = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class Queries(BaseModel):
    """The question in other words."""

    queries: list[Query] = Field(min_length=1, max_length=20)


class Answered(TypedDict):
    """What the aggregator writes."""

    answer: str
    citations: list[Citation]
    passages: list[RankedPassage]
    queries: list[str]
    files: int
    skipped: list[str]
    dropped: int


def somewhere_to_look(values: Mapping[str, Any]) -> None:
    """Refuse a folder that cannot be read."""
    readable_folder(values["folder"])


async def plan_queries(state: RagState, runtime: Runtime[Context]) -> dict[str, Search]:
    """Bring the index up to date, and have the question asked in other words, too.

    An empty folder asks for nothing.
    """
    folder, question, most = state["folder"], state["question"], state["variants"]
    if not (await FolderSource(folder).refresh()).files:
        return {}
    queries = [question]
    if most > 1:
        made = await fill(runtime, Queries, REWRITE.format(most=most), question=question)
        queries += made.queries
    different: dict[tuple[str, ...], str] = {}
    for query in queries:
        different.setdefault(tuple(keywords(query)), query)
    chosen = list(different.values())[:most]
    items = {f"{n}. {query}": query for n, query in enumerate(chosen, start=1)}
    return {item: {"item": item, "query": query, "folder": folder} for item, query in items.items()}


async def retrieve(search: Search) -> Retrieved:
    """Rank the passages that fit one query."""
    hits = await FolderSource(search["folder"]).search(search["query"], DEPTH)
    return {
        "searched": {search["item"]: search["query"]},
        "ranks": ranks_of(hit["url"] for hit in hits),
        "hits": {hit["url"]: hit for hit in hits},
    }


async def answer(state: RagState, runtime: Runtime[Context]) -> Answered:
    """Answer from the passages that fit all queries together best."""
    ranks, hits = state["ranks"], state["hits"]
    best = ranked(ranks)[: state["top"]]
    held, dropped = await claims(
        runtime, ANSWER, [hits[url] for url, _ in best], question=state["question"]
    )
    contents = await FolderSource(state["folder"]).refresh()
    numbers = {url: n for n, url in enumerate(dict.fromkeys(c["url"] for c in held), start=1)}
    text = " ".join(f"{claim['text']} [{numbers[claim['url']]}]" for claim in held)
    return {
        "answer": text or _nothing(contents.files, bool(best)),
        "citations": [_citation(number, url, held, state) for url, number in numbers.items()],
        "passages": [
            RankedPassage(
                title=hits[url]["title"],
                url=url,
                score=round(score, 5),
                found_by=len(ranks[url]),
            )
            for url, score in best
        ],
        "queries": list(state["searched"].values()),
        "files": contents.files,
        "skipped": contents.skipped,
        "dropped": dropped,
    }


def _citation(number: int, url: str, held: list[Claim], state: RagState) -> Citation:
    hit = state["hits"][url]
    return Citation(
        number=number,
        file=hit["data"]["file"],
        lines=hit["data"]["lines"],
        title=hit["title"],
        quotes=[claim["quote"] for claim in held if claim["url"] == url],
    )


def _nothing(files: int, found: bool) -> str:
    if not files:
        return "There are no text or Markdown files in the folder."
    if not found:
        return f"None of the {files} files in the folder has a word of the question in it."
    return f"The passages that fit best, of {files} files, do not answer the question."
