"""Any search interface that answers with JSON, as a source: by configuration, without code."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote

from nodes.sources.base import SourceError
from nodes.sources.http import fetch_json
from nodes.sources.texts import plain
from state.sources import Hit

Place: TypeAlias = str | list[str]
"""Where a value is in an item: a path (`fare.total`, `legs.0.from`), a text with paths in braces
(`{carrier} to {to.city}`), or several of these, of which the first that leads to something counts.
"""

_SLOT = re.compile(r"(\$?)\{(\w+)\}")
_PATH = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, kw_only=True)
class JsonSource:
    """A search interface over HTTP that answers with JSON."""

    name: str
    url: str
    """With `{query}`, `{limit}` and any detail of the search, such as `{start_date}`, in it.

    `${NAME}` is the environment variable of that name.
    """
    items: str = ""
    """The path of the list of results; empty: the answer is the list."""
    title: Place = "title"
    text: Place = "text"
    link: Place = "url"
    data: Mapping[str, Place] = field(default_factory=dict)
    """What goes into a hit's `data`, each under its name."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Filled in as the URL is."""
    html: bool = False
    """Whether titles and texts are HTML."""

    async def search(self, query: str, limit: int, **details: str) -> list[Hit]:
        """Return at most `limit` hits; raise as `fetch_json` does."""
        given = {**details, "query": query, "limit": str(limit)}
        url = _SLOT.sub(lambda slot: quote(self._filling(slot, given), safe=""), self.url)
        headers = {
            name: _SLOT.sub(lambda slot: self._filling(slot, given), value)
            for name, value in self.headers.items()
        }
        answer = await fetch_json(self.name, url, headers=headers)
        hits = (self._hit(item) for item in self._items(answer))
        return [hit for hit in hits if hit["title"] or hit["text"]][:limit]

    def _filling(self, slot: re.Match[str], given: Mapping[str, str]) -> str:
        variable, name = slot.groups()
        if variable:
            if not (text := os.environ.get(name)):
                raise SourceError(f"{self.name}: it wants {name}; set it in the environment.")
            return text
        if name not in given:
            raise SourceError(
                f"{self.name}: {{{name}}} stands for nothing; a search has {', '.join(given)}."
            )
        return given[name]

    def _items(self, answer: Any) -> list[Any]:
        items = _at(answer, self.items)
        if not isinstance(items, list):
            where = f" at {self.items!r}" if self.items else ""
            raise SourceError(f"{self.name}: the answer has no list{where}.")
        return items

    def _hit(self, item: Any) -> Hit:
        hit = Hit(
            title=self._words(item, self.title),
            text=self._words(item, self.text),
            url=str(_value(item, self.link) or ""),
            source=self.name,
        )
        data = {name: _value(item, place) for name, place in self.data.items()}
        if found := {name: value for name, value in data.items() if value is not None}:
            hit["data"] = found
        return hit

    def _words(self, item: Any, place: Place) -> str:
        value = _value(item, place)
        text = "" if value is None else str(value)
        return plain(text) if self.html else text.strip()


def _value(item: Any, place: Place) -> Any:
    """Return what is at the first of the places that leads to something, else None."""
    for each in [place] if isinstance(place, str) else place:
        value = _filled(item, each) if "{" in each else _at(item, each)
        if value not in (None, ""):
            return value
    return None


def _filled(item: Any, template: str) -> str | None:
    values = {path: _at(item, path) for path in _PATH.findall(template)}
    if None in values.values():
        return None
    return _PATH.sub(lambda slot: str(values[slot[1]]), template)


def _at(value: Any, path: str) -> Any:
    """Follow a path of keys and list positions; None where it leads nowhere."""
    for step in filter(None, path.split(".")):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
