"""What sources give: hits, and claims that are tied to them. Kept by the workflows that search."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict


class Hit(TypedDict):
    """Something that a source found."""

    title: str
    text: str
    """Plain text, as much of it as a search shows."""
    url: str
    """Where it can be read; unique within its source."""
    source: str
    """The source's name, as a reader should see it."""
    data: NotRequired[dict[str, Any]]
    """What else is known of it, such as a price; JSON values."""


class Claim(TypedDict):
    """Something that a source says, and was found to say."""

    text: str
    quote: str
    """The source's own words."""
    title: str
    url: str
    source: str
