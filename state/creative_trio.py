"""What `creative_trio` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class TrioInput(TypedDict):
    """A topic to be creative about."""

    topic: Annotated[
        str, Field(min_length=1, max_length=2_000, description="What the pieces are about.")
    ]


class Piece(TypedDict):
    """What each branch writes: its piece, under its own name."""

    pieces: dict[str, str]


class TrioState(ParallelState, total=False):
    """The state of a trio."""

    topic: str
    pieces: Annotated[dict[str, str], merge]
    """By branch: joke, story, poem."""
    combined_output: str | None


class TrioOutput(ParallelOutput, total=False):
    """The pieces in one text."""

    combined_output: str
    pieces: dict[str, str]
