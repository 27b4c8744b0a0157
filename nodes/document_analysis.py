"""Four analysts of one document, and their report."""

from __future__ import annotations

from typing import Annotated, Literal

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from nodes.models import fill, write
from state import Context
from state.document_analysis import AnalysisState, Part, Report

SUMMARY = "Summarise the document in three to six sentences, without judging it."
ENTITIES = (
    "List the named entities in the document: persons, organisations, places, dates and amounts "
    "of money, each once and spelled as in the document."
)
KEYWORDS = "Name five to twelve keywords of the document, the most important first."
SENTIMENT = (
    "Judge the tone of the document, from -1 (negative) to 1 (positive), and quote the sentence "
    "that shows it best."
)

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class NamedEntity(BaseModel):
    """A person, organisation, place, date or amount."""

    name: Word
    kind: Literal["person", "organisation", "place", "date", "amount", "other"]


class Entities(BaseModel):
    """The named entities of a document."""

    entities: list[NamedEntity] = Field(max_length=50)


class Keywords(BaseModel):
    """The words that a document is about."""

    keywords: list[Word] = Field(min_length=1, max_length=12)


class Tone(BaseModel):
    """The tone of a document."""

    label: Literal["positive", "neutral", "negative"]
    score: float = Field(ge=-1, le=1)
    evidence: str = Field(description="A sentence quoted from the document.", max_length=1_000)


class Reported(TypedDict):
    """What the aggregator writes."""

    report: Report


async def summary(state: AnalysisState, runtime: Runtime[Context]) -> Part:
    """Summarise the document."""
    return {"parts": {"summary": await write(runtime, SUMMARY, document=state["document"])}}


async def entities(state: AnalysisState, runtime: Runtime[Context]) -> Part:
    """List what has a name of its own, each once."""
    found = await fill(runtime, Entities, ENTITIES, document=state["document"])
    unique = {(each.name.casefold(), each.kind): each.model_dump() for each in found.entities}
    return {"parts": {"entities": list(unique.values())}}


async def keywords(state: AnalysisState, runtime: Runtime[Context]) -> Part:
    """Name the keywords, each once."""
    found = await fill(runtime, Keywords, KEYWORDS, document=state["document"])
    return {"parts": {"keywords": list(dict.fromkeys(found.keywords))}}


async def sentiment(state: AnalysisState, runtime: Runtime[Context]) -> Part:
    """Judge the tone."""
    tone = await fill(runtime, Tone, SENTIMENT, document=state["document"])
    return {"parts": {"sentiment": tone.model_dump()}}


async def assemble_report(state: AnalysisState) -> Reported:
    """Put the parts that there are into one report."""
    parts = state["parts"]
    report = Report(missing=[])
    for name in ("summary", "entities", "keywords", "sentiment"):
        if name in parts:
            report[name] = parts[name]
        else:
            report["missing"].append(name)
    return {"report": report}
