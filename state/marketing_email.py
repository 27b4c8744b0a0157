"""What `marketing_email` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class CatalogueImage(TypedDict):
    """A picture that an email may use."""

    id: Annotated[str, Field(min_length=1, max_length=100)]
    url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2_000)]
    description: Annotated[str, Field(min_length=1, max_length=500)]


class EmailInput(TypedDict):
    """A brief to write an email for."""

    brief: Annotated[
        str,
        Field(
            min_length=1,
            max_length=20_000,
            description="The offer, who it is for, and what they should do.",
        ),
    ]
    images: NotRequired[
        Annotated[
            list[CatalogueImage],
            Field(
                min_length=1,
                max_length=200,
                description="The pictures to choose from; without it, a sample catalogue.",
            ),
        ]
    ]


class Email(TypedDict):
    """An email that is ready to be sent."""

    subject: str
    text: str
    """The plain part."""
    html: str
    """The HTML part, self-contained but for the picture."""
    image: CatalogueImage | None
    message: str
    """Both parts as one MIME message (RFC 5322), without sender and recipient."""


class Part(TypedDict):
    """What each branch writes: its part, under its own name."""

    parts: dict[str, Any]


class EmailState(ParallelState, total=False):
    """The state of an email."""

    brief: str
    images: list[CatalogueImage] | None
    parts: Annotated[dict[str, Any], merge]
    """By branch."""
    email: Email | None


class EmailOutput(ParallelOutput, total=False):
    """The email."""

    email: Email
