"""What a source is, and how it says that it cannot."""

from __future__ import annotations

from typing import Protocol

from state.sources import Hit


class Source(Protocol):
    """Anything that can be searched."""

    @property
    def name(self) -> str:
        """Return the name that its hits carry."""

    async def search(self, query: str, limit: int, **details: str) -> list[Hit]:
        """Return at most `limit` hits, the best first; none is no error.

        `details`, such as a start_date, are for sources that can use them. An HTTP error is
        raised as httpx.HTTPStatusError, a lost connection as httpx.TransportError, and an answer
        that makes no sense as SourceError.
        """


class Readable(Source, Protocol):
    """A source whose hits have more to read than a search shows."""

    async def read(self, hit: Hit) -> Hit:
        """Return one of its hits with its whole text, and where that text is."""


class SourceError(ValueError):
    """A source cannot be used, or what it answered cannot; the message is one sentence."""

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient
        """Whether another attempt may succeed."""
