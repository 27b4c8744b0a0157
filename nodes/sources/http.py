"""Ask a server over HTTP: one way for all sources, with one sentence for what goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpx

from nodes.sources.base import SourceError
from nodes.sources.texts import decode
from state.redaction import redacted

LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes of an answer that are read."""
PATIENCE = 20.0
"""Seconds without a byte after which a connection counts as lost."""

Parameters = Mapping[str, str | int]


async def fetch(
    name: str,
    url: str,
    parameters: Parameters | None = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    """Return the text that a server answers a GET with; `name` is whom an error speaks of.

    Raises httpx.HTTPStatusError with the answer's status and headers, httpx.TransportError for a
    lost connection, and SourceError for what is no text, too large, or no URL.
    """
    try:
        # Made in a thread: reading the certificates takes 20 ms.
        client = await asyncio.to_thread(_client)
        async with client, client.stream("GET", url, params=parameters, headers=headers) as answer:
            if not answer.is_success:
                raise _refused(name, answer)
            raw = await _body(name, answer)
    except (
        httpx.DecodingError,
        httpx.InvalidURL,
        httpx.TooManyRedirects,
        httpx.UnsupportedProtocol,
    ) as error:
        raise SourceError(f"{name} cannot be asked: {error}.") from error
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        raise type(error)(f"{name} does not answer: {reason}") from error
    text = decode(raw, answer.charset_encoding)
    if text is None:
        raise SourceError(f"{name} answered with something that is no text.", transient=True)
    return text


async def fetch_json(
    name: str,
    url: str,
    parameters: Parameters | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Return the JSON that a server answers with; raise as `fetch` does."""
    text = await fetch(name, url, parameters, headers)
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        start = " ".join(redacted(text)[:60].split())  # before a key is cut in two
        raise SourceError(
            f"{name} answered with something that is not JSON: {start!r}.", transient=True
        ) from None


@contextmanager
def expected_shape(name: str) -> Iterator[None]:
    """Turn what a badly shaped answer does to the code that reads it into one sentence."""
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        raise SourceError(f"{name} answered with JSON of another shape ({error!r}).") from error


def _client() -> httpx.AsyncClient:
    headers = {"User-Agent": os.environ.get("BRAID_USER_AGENT") or f"langgraph-braid/{_version()}"}
    return httpx.AsyncClient(headers=headers, timeout=PATIENCE, follow_redirects=True)


def _refused(name: str, answer: httpx.Response) -> httpx.HTTPStatusError:
    # httpx's own message has the whole URL in it, and that may have a key in it.
    message = f"{name} answered {answer.status_code} {answer.reason_phrase}".rstrip()
    return httpx.HTTPStatusError(message, request=answer.request, response=answer)


async def _body(name: str, answer: httpx.Response) -> bytes:
    raw = bytearray()
    async for part in answer.aiter_bytes():
        raw += part
        if len(raw) > LARGEST_ANSWER:
            raise SourceError(f"{name} answered with more than {LARGEST_ANSWER >> 20} MB.")
    return bytes(raw)


def _version() -> str:
    try:
        return version("langgraph-braid")
    except PackageNotFoundError:
        return "0"
