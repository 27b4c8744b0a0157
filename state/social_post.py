"""What `social_post` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class PostInput(TypedDict):
    """A post: a text, an image, or both."""

    text: NotRequired[
        Annotated[str, Field(min_length=1, max_length=20_000, description="The text of the post.")]
    ]
    image: NotRequired[
        Annotated[
            str,
            Field(
                min_length=1,
                description="The image: the path of a PNG, JPEG, GIF or WebP file, or a data: URL.",
            ),
        ]
    ]


class Finding(TypedDict):
    """What each branch writes: its finding, under its own name."""

    findings: dict[str, Any]


class PostState(ParallelState, total=False):
    """The state of an analysis."""

    text: str
    image: str
    findings: Annotated[dict[str, Any], merge]
    """By branch: sentiment, keywords, objects, scene; None where there is nothing to look at."""
    analysis: dict[str, Any] | None


class PostOutput(ParallelOutput, total=False):
    """One analysis of text and image."""

    analysis: dict[str, Any]
    """`text` with sentiment and keywords, `image` with objects and scene; None for what the post
    does not have, and `missing` for what failed."""
