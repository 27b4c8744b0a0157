"""The catalogue: rows of a file, found by their words and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import unicodedata
from pathlib import Path

import pytest

from nodes.sources import CatalogueSource, SourceError
from nodes.sources.configured import SAMPLES

HOSTILE = [
    '"',
    "'",
    "AND",
    "NOT harbour",
    "NEAR(a b)",
    "title:harbour",
    "harbour*",
    "(harbour",
    "harbour) OR (",
    "^harbour",
    "{title} : x",
    "-harbour",
    "har\0bour",
    "; DROP TABLE rows",
    "%_",
    "\ud800",
    "🦀 " * 500,
    "x " * 5_000,
]


def catalogue(path: Path, *rows: object) -> CatalogueSource:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return CatalogueSource(path, "test")


@pytest.fixture
def harbours(tmp_path: Path) -> CatalogueSource:
    return catalogue(
        tmp_path / "rows.jsonl",
        {"title": "Old harbour", "text": "A quay with boats.", "url": "u1", "price": 3.5},
        {"title": "New town", "text": "No boats, but a harbour museum.", "tags": ["Brücke"]},
        {"title": "NEAR", "text": "A village called NEAR.", "nested": {"deep": ["kelp"]}},
    )


async def test_a_row_is_found_by_all_its_words_and_the_title_counts_most(
    harbours: CatalogueSource,
) -> None:
    titles = [hit["title"] for hit in await harbours.search("harbours", 5)]
    assert titles == ["Old harbour", "New town"]
    assert [h["title"] for h in await harbours.search("harbour museum", 5)] == ["New town"]
    assert await harbours.search("harbour volcano", 5) == []


async def test_a_hit_carries_what_else_the_row_has(harbours: CatalogueSource) -> None:
    [hit] = await harbours.search("quay", 1)
    assert hit == {
        "title": "Old harbour",
        "text": "A quay with boats.",
        "url": "u1",
        "source": "test",
        "data": {"price": 3.5},
    }


@pytest.mark.parametrize(("query", "title"), [("brucke", "New town"), ("KELP", "NEAR")])
async def test_accents_case_and_nesting_do_not_matter(
    harbours: CatalogueSource, query: str, title: str
) -> None:
    assert [hit["title"] for hit in await harbours.search(query, 5)] == [title]


@pytest.mark.parametrize("query", HOSTILE)
async def test_a_query_is_never_syntax(harbours: CatalogueSource, query: str) -> None:
    for hit in await harbours.search(query, 5):
        assert "harbour" in json.dumps(hit)


async def test_an_operator_is_a_word_like_any_other(harbours: CatalogueSource) -> None:
    assert [hit["title"] for hit in await harbours.search("near", 5)] == ["NEAR"]
    assert await harbours.search("?!", 5) == []


async def test_a_csv_with_odd_bytes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes('title,text,price\n"Café, old",Kaffee und Kuchen,4\n'.encode("cp1252"))
    [hit] = await CatalogueSource(path, "test").search("café", 1)
    assert hit["title"] == "Café, old"
    assert hit["data"] == {"price": "4"}


async def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    source = catalogue(path, {"title": "First"})
    assert await source.search("first", 1)
    catalogue(path, {"title": "Second"}, {"title": "Third"})
    os.utime(path, ns=(1, 1))
    assert not await source.search("first", 1)
    assert await source.search("third", 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{'no': 'json'}", r"line 1 is not JSON"),
        ('{"title": "ok"}\n\n["list"]', r"line 3 has no `title`"),
        ("\0\0", r"is not a text file"),
    ],
)
async def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content)
    with pytest.raises(SourceError, match=message):
        await CatalogueSource(path, "test").search("x", 1)


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.jsonl cannot be read: No such file"):
        await CatalogueSource(tmp_path / "gone.jsonl", "test").search("x", 1)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("word", ["Straße", "İstanbul", "résumé", "CAFÉ", "Ærø"])
async def test_a_word_is_found_as_it_is_written(tmp_path: Path, word: str, form: str) -> None:
    rows = catalogue(tmp_path / "rows.jsonl", {"title": word})
    assert await rows.search(unicodedata.normalize(form, word), 1)


@pytest.mark.parametrize("query", ["strasse", "STRASSE", "straße", "Straße"])
async def test_a_sharp_s_is_a_double_one(tmp_path: Path, query: str) -> None:
    rows = catalogue(tmp_path / "rows.jsonl", {"title": "Lange Straße"}, {"title": "Alte STRASSE"})
    assert len(await rows.search(query, 5)) == 2


async def test_an_underscore_parts_words_as_it_does_in_the_index(tmp_path: Path) -> None:
    rows = catalogue(tmp_path / "rows.jsonl", {"title": "spring_catalogue"})
    assert await rows.search("catalogue _ spring", 1)


async def test_many_may_search_at_once(harbours: CatalogueSource) -> None:
    found = await asyncio.gather(*(harbours.search("harbour", 5) for _ in range(50)))
    assert all(hits == found[0] for hits in found)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_the_sample_catalogues_are_whole_and_point_nowhere(path: Path) -> None:
    for line in path.read_text().splitlines():
        row = json.loads(line)
        assert row["title"]
        assert row["text"]
        assert row["url"].startswith(f"https://sample.example/{path.stem}/")
