"""What `topic_explorer` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class ExplorerInput(TypedDict):
    """A topic to get to know."""

    topic: Annotated[
        str,
        Field(
            min_length=1,
            max_length=20_000,
            description="The topic: a phrase, or a passage about it.",
        ),
    ]


class Explored(TypedDict):
    """What each branch writes: its finding, under its own name."""

    findings: dict[str, Any]


class ExplorerState(ParallelState, total=False):
    """The state of an exploration."""

    topic: str
    findings: Annotated[dict[str, Any], merge]
    """By branch: summary (text), questions (three), key_terms (five to ten)."""
    synthesis: str | None


class ExplorerOutput(ParallelOutput, total=False):
    """A synthesis, and the findings that it was written from."""

    topic: str
    findings: dict[str, Any]
    synthesis: str
