"""Sources over HTTP, against a local server that answers in the services' documented shapes."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest
from support.web import Reply, Web

from graphs.guard import readable
from graphs.retry import retry_after, transient
from nodes.sources import Arxiv, HackerNews, JsonSource, Source, SourceError, Wikipedia
from nodes.sources.http import LARGEST_ANSWER

PAGES = {
    "batchcomplete": True,
    "query": {
        "pages": [
            {
                "pageid": 2,
                "ns": 0,
                "title": "Fen",
                "index": 2,
                "extract": "A fen is fed by groundwater.",
                "canonicalurl": "https://en.wikipedia.org/wiki/Fen",
            },
            {
                "pageid": 1,
                "ns": 0,
                "title": "Bog",
                "index": 1,
                "extract": "A bog is fed by rain.",
                "canonicalurl": "https://en.wikipedia.org/wiki/Bog",
            },
        ]
    },
}
FEED = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">
  <title>ArXiv Query: search_query=all:peat</title>
  <id>http://arxiv.org/api/x</id>
  <entry>
    <id>http://arxiv.org/abs/2301.00001v2</id>
    <published>2023-01-01T00:00:00Z</published>
    <title>Methane
      from peat</title>
    <summary>  We measure methane
  above peat &amp; moss.
    </summary>
    <author><name>A. Nother</name></author>
    <author><name>B. Nother</name></author>
    <link href="http://arxiv.org/abs/2301.00001v2" rel="alternate" type="text/html"/>
  </entry>
</feed>"""
ARXIV_ERROR = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><entry>
  <id>http://arxiv.org/api/errors#max_results_must_be_an_integer</id>
  <title>Error</title><summary>max_results must be an integer</summary>
</entry></feed>"""
STORIES = {
    "hits": [
        {
            "objectID": "101",
            "title": "Peat &amp; carbon",
            "url": "https://example.com/peat",
            "story_text": None,
            "points": 12,
            "created_at": "2024-05-01T00:00:00Z",
        },
        {
            "objectID": "102",
            "title": "Ask HN: rewetting?",
            "story_text": "<p>Has anyone <i>tried</i> it?<p>Just asking.",
            "points": 3,
            "created_at": "2024-05-02T00:00:00Z",
        },
    ],
    "nbHits": 2,
}
ITEM = {
    "id": 101,
    "title": "Peat & carbon",
    "text": None,
    "children": [
        {"text": "<p>First.</p>", "children": [{"text": "An answer to it.", "children": []}]},
        {"text": None, "children": []},
        {"text": "Second &quot;one&quot;.<script>alert(1)</script>", "children": []},
    ],
}
HACKER_PAGE = "https://news.ycombinator.com/item?id="


@pytest.fixture
def services(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """Have the three public sources ask the local server, which answers as they do."""
    monkeypatch.setenv("BRAID_WIKIPEDIA_URL", f"{web.url}/w/api.php")
    monkeypatch.setenv("BRAID_ARXIV_URL", f"{web.url}/api/query")
    monkeypatch.setenv("BRAID_HACKER_NEWS_URL", f"{web.url}/api/v1/")
    web.answers = {
        "/w/api.php": Reply(PAGES),
        "/api/query": Reply(FEED, headers={"Content-Type": "application/atom+xml"}),
        "/api/v1/search": Reply(STORIES),
        "/api/v1/items/101": Reply(ITEM),
    }
    return web


PUBLIC: list[tuple[Source, str]] = [
    (Wikipedia(), "/w/api.php"),
    (Arxiv(), "/api/query"),
    (HackerNews(), "/api/v1/search"),
]


async def test_wikipedia_gives_articles_in_the_order_of_the_search(services: Web) -> None:
    hits = await Wikipedia().search("bogs & fens?", 5)
    assert [hit["title"] for hit in hits] == ["Bog", "Fen"]
    assert hits[0]["text"] == "A bog is fed by rain."
    assert hits[0]["url"] == "https://en.wikipedia.org/wiki/Bog"
    [asked] = services.asked
    assert asked.params["gsrsearch"] == "bogs & fens?"
    assert asked.params["gsrlimit"] == "5"
    assert asked.headers["User-Agent"].startswith("langgraph-braid/")


async def test_wikipedia_reads_a_whole_article(services: Web) -> None:
    [hit, _] = await Wikipedia().search("bog", 2)
    services.answers["/w/api.php"] = Reply(
        {"query": {"pages": [{"pageid": 1, "title": "Bog", "extract": "All of it."}]}}
    )
    read = await Wikipedia().read(hit)
    assert read == {**hit, "text": "All of it."}
    assert services.asked[-1].params["pageids"] == "1"


async def test_wikipedia_without_results_has_no_query_in_its_answer(services: Web) -> None:
    services.answers["/w/api.php"] = Reply({"batchcomplete": True})
    assert await Wikipedia().search("xyzzy", 5) == []


@pytest.mark.parametrize(("code", "again"), [("ratelimited", True), ("badvalue", False)])
async def test_wikipedia_reports_errors_with_status_200(
    services: Web, code: str, again: bool
) -> None:
    services.answers["/w/api.php"] = Reply({"error": {"code": code, "info": "Told you so."}})
    with pytest.raises(SourceError, match=r"Wikipedia answered: Told you so\.") as caught:
        await Wikipedia().search("bog", 5)
    assert transient(caught.value) is again


async def test_arxiv_gives_papers_with_their_abstracts(services: Web) -> None:
    [hit] = await Arxiv().search('What is "methane" in peat: AND all:x?', 3)
    assert hit["title"] == "Methane from peat"
    assert hit["text"] == "We measure methane above peat & moss."
    assert hit["url"] == "https://arxiv.org/abs/2301.00001v2"
    assert hit["data"] == {
        "published": "2023-01-01T00:00:00Z",
        "authors": ["A. Nother", "B. Nother"],
    }
    [asked] = services.asked
    assert asked.params["search_query"] == "all:methane OR all:peat OR all:x"
    assert asked.params["max_results"] == "3"


async def test_arxiv_reports_errors_as_entries(services: Web) -> None:
    services.answers["/api/query"] = Reply(ARXIV_ERROR)
    with pytest.raises(SourceError, match="arXiv answered: max_results must be an integer"):
        await Arxiv().search("peat", 3)


async def test_arxiv_in_another_encoding_is_read(services: Web) -> None:
    latin = FEED.replace("UTF-8", "ISO-8859-1").replace("A. Nother", "Á. Nøther")
    services.answers["/api/query"] = Reply(
        latin.encode("latin-1"), headers={"Content-Type": "text/xml; charset=ISO-8859-1"}
    )
    [hit] = await Arxiv().search("peat", 3)
    assert hit["data"]["authors"][0] == "Á. Nøther"


async def test_arxiv_without_results_is_an_empty_feed(services: Web) -> None:
    services.answers["/api/query"] = Reply('<feed xmlns="http://www.w3.org/2005/Atom"/>')
    assert await Arxiv().search("xyzzy", 3) == []
    assert await Arxiv().search("?!", 3) == []


async def test_hacker_news_gives_stories_and_their_own_page_where_there_is_no_link(
    services: Web,
) -> None:
    linked, asking = await HackerNews().search("peat carbon", 2)
    assert (linked["title"], linked["url"]) == ("Peat & carbon", "https://example.com/peat")
    assert asking["url"] == HACKER_PAGE + "102"
    assert asking["text"] == "Has anyone tried it?\nJust asking."
    [asked] = services.asked
    assert asked.params == {"query": "peat carbon", "tags": "story", "hitsPerPage": "2"}


async def test_hacker_news_reads_the_discussion_and_says_where_it_is(services: Web) -> None:
    [hit, _] = await HackerNews().search("peat", 2)
    read = await HackerNews().read(hit)
    assert read["text"] == 'First.\n\nAn answer to it.\n\nSecond "one".'
    assert read["url"] == HACKER_PAGE + "101"


@pytest.mark.parametrize(("source", "path"), PUBLIC)
async def test_an_http_error_keeps_its_status_and_its_headers(
    services: Web, source: Source, path: str
) -> None:
    services.answers[path] = Reply("slow down", 429, {"Retry-After": "7"})
    with pytest.raises(httpx.HTTPStatusError) as caught:
        await source.search("peat", 3)
    assert caught.value.response.status_code == 429
    assert transient(caught.value)
    assert retry_after(caught.value) == 7
    assert readable(caught.value) == f"{source.name} answered 429 Too Many Requests"


@pytest.mark.parametrize(("source", "path"), PUBLIC)
@pytest.mark.parametrize(
    "body", ["", "<html>Log in to the hotel network</html>", '{"hits": 1, "query": [', b"\0\1"]
)
async def test_a_body_that_makes_no_sense_is_one_sentence(
    services: Web, source: Source, path: str, body: Any
) -> None:
    services.answers[path] = Reply(body)
    with pytest.raises(SourceError, match=source.name) as caught:
        await source.search("peat", 3)
    assert transient(caught.value), "the next answer may be a real one"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "path", "body"),
    [
        (Wikipedia(), "/w/api.php", []),
        (Wikipedia(), "/w/api.php", {"query": {"pages": [{"title": "No address"}]}}),
        (Wikipedia(), "/w/api.php", {"query": {"pages": {"1": {"title": "Version 1"}}}}),
        (HackerNews(), "/api/v1/search", {"message": "new interface"}),
        (HackerNews(), "/api/v1/search", ["a list"]),
    ],
)
async def test_json_of_another_shape_is_one_sentence(
    services: Web, source: Source, path: str, body: Any
) -> None:
    services.answers[path] = Reply(body)
    with pytest.raises(SourceError, match=rf"^{source.name}.* (shape|no list)"):
        await source.search("peat", 3)


async def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRAID_WIKIPEDIA_URL", "http://127.0.0.1:9/w/api.php")
    with pytest.raises(httpx.ConnectError, match=r"^Wikipedia does not answer") as caught:
        await Wikipedia().search("bog", 1)
    assert transient(caught.value)


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1/x", "http://127.0.0.1:x"])
async def test_an_address_that_is_none_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("BRAID_WIKIPEDIA_URL", url)
    with pytest.raises(SourceError, match=r"^Wikipedia cannot be asked") as caught:
        await Wikipedia().search("bog", 1)
    assert not transient(caught.value)


async def test_an_endless_answer_is_not_read_to_its_end(services: Web) -> None:
    bomb = gzip.compress(b"[" + b" " * (LARGEST_ANSWER + 1))
    services.answers["/w/api.php"] = Reply(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(SourceError, match="more than 8 MB"):
        await Wikipedia().search("bog", 1)


# Any JSON interface


def flights(web: Web, **changes: Any) -> JsonSource:
    declared: dict[str, Any] = {
        "name": "flights",
        "url": f"{web.url}/find?to={{query}}&on={{start_date}}&n={{limit}}",
        "items": "data.flights",
        "title": "{carrier} {number}",
        "text": ["note", "legs.0.via"],
        "link": ["booking.url", "https://example.com/{number}"],
        "data": {"price": "fare.total", "departs": "legs.0.at"},
    }
    return JsonSource(**{**declared, **changes})


FLIGHTS = {
    "data": {
        "flights": [
            {
                "carrier": "Blue",
                "number": 7,
                "legs": [{"via": "Fen", "at": "10:00"}],
                "fare": {"total": 0},
            },
            {
                "carrier": "Red",
                "number": 8,
                "note": "Direct",
                "booking": {"url": "https://b.example"},
            },
            {"carrier": "nobody"},
        ]
    }
}


async def test_a_json_interface_is_asked_and_read_as_declared(web: Web) -> None:
    web.answers["/find"] = Reply(FLIGHTS)
    blue, red = await flights(web).search("Port & Alder", 9, start_date="2026-09-18", more="x")
    assert blue == {
        "title": "Blue 7",
        "text": "Fen",
        "url": "https://example.com/7",
        "source": "flights",
        "data": {"price": 0, "departs": "10:00"},
    }
    assert (red["title"], red["text"], red["url"]) == ("Red 8", "Direct", "https://b.example")
    assert "data" not in red
    [asked] = web.asked
    assert asked.params == {"to": "Port & Alder", "on": "2026-09-18", "n": "9"}


async def test_a_key_comes_from_the_environment_and_shows_in_no_error(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = flights(
        web, url=f"{web.url}/find?key=${{FLY_KEY}}", headers={"Authorization": "Bearer ${FLY_KEY}"}
    )
    with pytest.raises(SourceError, match="flights: it wants FLY_KEY; set it in the environment"):
        await source.search("x", 1)
    monkeypatch.setenv("FLY_KEY", "canary/&key")
    web.answers["/find"] = [Reply(FLIGHTS), Reply("no", 403)]
    await source.search("x", 1)
    [asked] = web.asked
    assert asked.headers["Authorization"] == "Bearer canary/&key"
    assert asked.params["key"] == "canary/&key"
    with pytest.raises(httpx.HTTPStatusError) as caught:
        await source.search("x", 1)
    assert readable(caught.value) == "flights answered 403 Forbidden", "and no advice on models"


async def test_a_detail_that_the_search_lacks_is_named(web: Web) -> None:
    with pytest.raises(SourceError, match=r"\{start_date\} stands for nothing; a search has query"):
        await flights(web).search("x", 1)
    assert web.asked == []


async def test_an_answer_may_be_the_list_itself(web: Web) -> None:
    web.answers["/find"] = Reply(b"\xef\xbb\xbf" + b'[{"title": "One"}, {"title": "Two"}]')
    source = JsonSource(name="plain", url=f"{web.url}/find?q={{query}}")
    assert [hit["title"] for hit in await source.search("x", 1)] == ["One"]
