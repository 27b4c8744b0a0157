"""A joke, a story and a poem on one topic."""

from __future__ import annotations

from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from nodes.models import write
from state import Context
from state.creative_trio import Piece, TrioState

JOKE = "Write a short, kind joke about the topic."
STORY = "Write a story of about 120 words about the topic."
POEM = "Write a poem of eight lines about the topic."


class Combined(TypedDict):
    """What the aggregator writes."""

    combined_output: str


async def joke(state: TrioState, runtime: Runtime[Context]) -> Piece:
    """Write the joke."""
    return {"pieces": {"joke": await write(runtime, JOKE, topic=state["topic"])}}


async def story(state: TrioState, runtime: Runtime[Context]) -> Piece:
    """Write the story."""
    return {"pieces": {"story": await write(runtime, STORY, topic=state["topic"])}}


async def poem(state: TrioState, runtime: Runtime[Context]) -> Piece:
    """Write the poem."""
    return {"pieces": {"poem": await write(runtime, POEM, topic=state["topic"])}}


async def combine(state: TrioState) -> Combined:
    """Set the pieces one below the other; say which one is missing."""
    pieces = state["pieces"]
    sections = [
        f"## {name.capitalize()}\n\n{pieces.get(name, f'(The {name} is missing: it failed.)')}"
        for name in ("joke", "story", "poem")
    ]
    return {"combined_output": "\n\n".join(sections)}
