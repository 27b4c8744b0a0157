"""What `content_kit` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class KitInput(TypedDict):
    """A topic to publish about."""

    topic: Annotated[
        str,
        Field(min_length=1, max_length=2_000, description="What the content is about."),
    ]


class Kit(TypedDict, total=False):
    """Everything needed to publish one page; a part that failed is absent."""

    title: str
    meta_description: str
    """At most 160 characters, as search engines show it."""
    social_post: str
    """At most 280 characters."""
    hashtags: list[str]


class Part(TypedDict):
    """What each branch writes: its part, under its own name."""

    parts: dict[str, Any]


class KitState(ParallelState, total=False):
    """The state of a kit."""

    topic: str
    parts: Annotated[dict[str, Any], merge]
    """By branch."""
    kit: Kit | None


class KitOutput(ParallelOutput, total=False):
    """The kit."""

    topic: str
    kit: Kit
