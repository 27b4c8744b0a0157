"""Three views of a topic, and one text written from them."""

from __future__ import annotations

from typing import Annotated

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from nodes.models import fill, write
from state import Context
from state.topic_explorer import Explored, ExplorerState

SUMMARY = "Write a summary of the topic in three to five sentences for a curious newcomer."
QUESTIONS = "Ask three questions whose answers would deepen the understanding of the topic."
KEY_TERMS = "Name five to ten key terms of the topic, the most important first."
SYNTHESIS = (
    "Write a short synthesis on the topic from the findings: weave the key terms into the summary "
    "and end with the question that matters most. Use only what the findings say."
)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Questions(BaseModel):
    """Questions about a topic."""

    questions: list[Text] = Field(min_length=3, max_length=3)


class KeyTerms(BaseModel):
    """The terms that a topic is made of."""

    key_terms: list[Text] = Field(min_length=5, max_length=10)


class Synthesis(TypedDict):
    """What the aggregator writes."""

    synthesis: str


async def summary(state: ExplorerState, runtime: Runtime[Context]) -> Explored:
    """Summarise the topic."""
    return {"findings": {"summary": await write(runtime, SUMMARY, topic=state["topic"])}}


async def questions(state: ExplorerState, runtime: Runtime[Context]) -> Explored:
    """Ask three questions about it."""
    made = await fill(runtime, Questions, QUESTIONS, topic=state["topic"])
    return {"findings": {"questions": made.questions}}


async def key_terms(state: ExplorerState, runtime: Runtime[Context]) -> Explored:
    """Name its key terms."""
    made = await fill(runtime, KeyTerms, KEY_TERMS, topic=state["topic"])
    return {"findings": {"key_terms": made.key_terms}}


async def synthesise(state: ExplorerState, runtime: Runtime[Context]) -> Synthesis:
    """Write one text from the findings that there are."""
    found = state["findings"]
    parts = {
        "summary": found.get("summary", ""),
        "key_terms": "\n".join(found.get("key_terms", ())),
        "questions": "\n".join(found.get("questions", ())),
    }
    present = {name: text for name, text in parts.items() if text}
    return {"synthesis": await write(runtime, SYNTHESIS, topic=state["topic"], **present)}
