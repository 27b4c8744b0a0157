"""Three public interfaces: Wikipedia, arXiv and Hacker News. None of them wants a key."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from nodes.sources.base import SourceError
from nodes.sources.fts import keywords
from nodes.sources.http import expected_shape, fetch, fetch_json
from nodes.sources.json_api import JsonSource
from nodes.sources.texts import plain
from state.sources import Hit

WIKIPEDIA = "https://en.wikipedia.org/w/api.php"
ARXIV = "https://export.arxiv.org/api/query"
HACKER_NEWS = "https://hn.algolia.com/api/v1"

MOST_EXTRACTS = 20
"""Articles whose introductions MediaWiki gives in one answer."""
_ATOM = {"atom": "http://www.w3.org/2005/Atom"}
_OVERLOADED = frozenset({"maxlag", "ratelimited", "readonly"})
"""MediaWiki's error codes for "not now"."""


@dataclass(frozen=True)
class Wikipedia:
    """Articles of a MediaWiki (www.mediawiki.org/wiki/API:Search and Extension:TextExtracts).

    BRAID_WIKIPEDIA_URL names another one, such as https://de.wikipedia.org/w/api.php.
    """

    name: str = "Wikipedia"

    async def search(self, query: str, limit: int, **details: str) -> list[Hit]:
        """Return articles, each with its introduction."""
        answer = await self._ask(
            generator="search",
            gsrsearch=query,
            gsrlimit=min(limit, MOST_EXTRACTS),
            prop="extracts|info",
            inprop="url",
            exintro=1,
            explaintext=1,
            exlimit="max",
        )
        with expected_shape(self.name):
            pages = sorted(answer.get("pages", ()), key=lambda page: page.get("index", 0))
            return [
                Hit(
                    title=page["title"],
                    text=page.get("extract", ""),
                    url=page["canonicalurl"],
                    source=self.name,
                    data={"pageid": page["pageid"]},
                )
                for page in pages
            ]

    async def read(self, hit: Hit) -> Hit:
        """Return a whole article."""
        page = hit.get("data", {}).get("pageid", 0)
        answer = await self._ask(pageids=page, prop="extracts", explaintext=1)
        with expected_shape(self.name):
            text = "".join(page.get("extract", "") for page in answer.get("pages", ()))
        return {**hit, "text": text}

    async def _ask(self, **parameters: str | int) -> dict[str, Any]:
        url = os.environ.get("BRAID_WIKIPEDIA_URL") or WIKIPEDIA
        common: dict[str, str | int] = {"action": "query", "format": "json", "formatversion": 2}
        answer = await fetch_json(self.name, url, {**common, **parameters})
        with expected_shape(self.name):
            if error := answer.get("error"):  # with status 200
                raise SourceError(
                    f"{self.name} answered: {error['info']}",
                    transient=error["code"] in _OVERLOADED,
                )
            # There is no `query` where nothing was found.
            return dict(answer.get("query", {}))


@dataclass(frozen=True)
class Arxiv:
    """Papers, each with its abstract (info.arxiv.org/help/api/user-manual.html).

    BRAID_ARXIV_URL names another place. arXiv asks for three seconds between requests, so one
    search is one request: it takes any of the words, and arXiv's relevance decides.
    """

    name: str = "arXiv"

    async def search(self, query: str, limit: int, **details: str) -> list[Hit]:
        """Return papers."""
        if not (words := keywords(query)):
            return []
        url = os.environ.get("BRAID_ARXIV_URL") or ARXIV
        parameters: dict[str, str | int] = {
            "search_query": " OR ".join(f"all:{word}" for word in words),
            "max_results": limit,
            "sortBy": "relevance",
        }
        feed = await fetch(self.name, url, parameters)
        return [self._hit(entry) for entry in self._entries(feed)]

    def _entries(self, text: str) -> list[ElementTree.Element]:
        try:
            feed = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise SourceError(
                f"{self.name} answered with something that is not XML: {error}.", transient=True
            ) from None
        if not feed.tag.endswith("}feed"):
            raise SourceError(f"{self.name} answered with XML that is no feed.", transient=True)
        entries = feed.findall("atom:entry", _ATOM)
        for entry in entries:
            if "/api/errors" in _text(entry, "id"):  # an error is an entry, too
                raise SourceError(f"{self.name} answered: {_text(entry, 'summary')}")
        return entries

    def _hit(self, entry: ElementTree.Element) -> Hit:
        authors = [_text(author, "name") for author in entry.findall("atom:author", _ATOM)]
        return Hit(
            title=_text(entry, "title"),
            text=_text(entry, "summary"),
            url=_text(entry, "id").replace("http://", "https://", 1),
            source=self.name,
            data={"published": _text(entry, "published"), "authors": authors},
        )


@dataclass(frozen=True)
class HackerNews:
    """Stories and what is said about them (hn.algolia.com/api).

    BRAID_HACKER_NEWS_URL names another place.
    """

    name: str = "Hacker News"

    async def search(self, query: str, limit: int, **details: str) -> list[Hit]:
        """Return stories; one without a link is its own page."""
        page = "https://news.ycombinator.com/item?id={objectID}"
        stories = JsonSource(
            name=self.name,
            url=_hacker_news() + "/search?query={query}&tags=story&hitsPerPage={limit}",
            items="hits",
            text="story_text",
            link=["url", page],
            data={"id": "objectID", "page": page, "created": "created_at", "points": "points"},
            html=True,
        )
        return await stories.search(query, limit)

    async def read(self, hit: Hit) -> Hit:
        """Return a story's own text and its comments, and the page that they are on."""
        data = hit.get("data", {})
        item = await fetch_json(self.name, f"{_hacker_news()}/items/{data.get('id')}")
        with expected_shape(self.name):
            text = "\n\n".join(_said(item))
        return {**hit, "text": text, "url": str(data.get("page", hit["url"]))}


def _hacker_news() -> str:
    return (os.environ.get("BRAID_HACKER_NEWS_URL") or HACKER_NEWS).rstrip("/")


def _said(item: Any) -> list[str]:
    """Return the texts of an item and of those below it, answers below what they answer."""
    texts, waiting = [], [item]
    while waiting:
        each = waiting.pop()
        texts.append(plain(each.get("text") or ""))
        waiting += reversed(each.get("children") or [])
    return [text for text in texts if text]


def _text(element: ElementTree.Element, tag: str) -> str:
    return " ".join((element.findtext(f"atom:{tag}", "", _ATOM) or "").split())
