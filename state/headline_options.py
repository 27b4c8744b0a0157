"""What `headline_options` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class HeadlineInput(TypedDict):
    """A brief to write headlines for."""

    brief: Annotated[
        str,
        Field(
            min_length=1,
            max_length=10_000,
            description="What the headline is for: the product or article, and its readers.",
        ),
    ]


class Option(TypedDict):
    """What each branch writes: its headline, under its own name."""

    options: dict[str, str]


class HeadlineState(ParallelState, total=False):
    """The state of a choice between headlines."""

    brief: str
    options: Annotated[dict[str, str], merge]
    """By branch."""
    headlines: dict[str, str] | None
    winner: str | None
    headline: str | None
    reason: str | None


class HeadlineOutput(ParallelOutput, total=False):
    """The headline that the judge picked, why, and all options."""

    headline: str
    winner: str
    """The branch that wrote it."""
    reason: str
    headlines: dict[str, str]
    """By branch; no two are alike."""
