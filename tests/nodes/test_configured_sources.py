"""BRAID_SOURCES: which source stands behind a name, and what is said when the file is wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from support.cli import ROOT
from support.web import Reply, Web

from nodes.sources import CatalogueSource, JsonSource, SourceError, source
from nodes.sources.configured import SAMPLE


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "sources.toml"
    monkeypatch.setenv("BRAID_SOURCES", str(file))
    return file


async def test_without_a_setting_the_sample_catalogue_answers_and_says_so() -> None:
    [hit] = await (await source("flights")).search("Island Hopper 40", 3)
    assert hit["source"] == SAMPLE == "sample catalogue"
    assert hit["data"]["price"] == 74.5


async def test_a_table_takes_the_place_of_a_sample_and_leaves_the_others(
    settings: Path, web: Web
) -> None:
    settings.write_text(
        f"""
        [hotels]
        url = "{web.url}/h?q={{query}}&n={{limit}}"
        items = "rows"
        title = "name"
        link = ["site", "https://example.com/{{id}}"]
        data = {{ price = "cost.night", currency = "cost.unit" }}
        html = true

        [restaurants]
        file = "own.csv"
        """
    )
    (settings.parent / "own.csv").write_text("title,text\nMy place,Soup\n")
    row = {"name": "<b>Inn</b>", "id": 4, "cost": {"night": 70, "unit": "EUR"}}
    web.answers["/h"] = Reply({"rows": [row]})
    [inn] = await (await source("hotels")).search("x", 3)
    assert (inn["title"], inn["url"], inn["source"]) == ("Inn", "https://example.com/4", "hotels")
    assert inn["data"] == {"price": 70, "currency": "EUR"}
    [mine] = await (await source("restaurants")).search("soup", 3)
    assert (mine["title"], mine["source"]) == ("My place", "restaurants")
    assert (await source("flights")).name == SAMPLE


async def test_a_changed_file_counts_at_once(settings: Path) -> None:
    settings.write_text('[news]\nfile = "a.csv"\n')
    assert isinstance(await source("news"), CatalogueSource)
    settings.write_text('[news]\nurl = "http://127.0.0.1:9/{query}"\n')
    os.utime(settings, ns=(1, 1))
    assert isinstance(await source("news"), JsonSource)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[news", r"is not valid TOML"),
        ("news = 3", r"news: Input should be"),
        ("[flihgts]\nfile = 'x'", r"flihgts: did you mean 'flights'\?"),
        ("[Hotel]\nfile = 'x'", r"Hotel: did you mean 'hotels'\?"),
        ("a = " + "[" * 100_000, r"is not valid TOML"),
        ("[news]\nurl = 'x'", r"news\.url: String should match"),
        ("[news]\nurl = 'https://a.example'\nitem = 'x'", r"news\.item: Extra inputs"),
        ("[news]\ntitle = 'x'", r"news: give either a `url` or a `file`"),
        ("[news]\nurl = 'https://a.example'\nfile = 'x'", r"news: give either a `url` or a `file`"),
    ],
)
async def test_a_wrong_file_is_named_with_the_place(
    settings: Path, text: str, message: str
) -> None:
    settings.write_text(text)
    with pytest.raises(SourceError, match=rf"^BRAID_SOURCES: {settings}\W.*{message}"):
        await source("news")


async def test_a_file_that_is_not_there_is_named(settings: Path) -> None:
    with pytest.raises(SourceError, match=r"^BRAID_SOURCES: .* cannot be read: No such file"):
        await source("news")


async def test_a_source_of_ones_own_may_have_any_other_name(settings: Path) -> None:
    settings.write_text('[wines]\nfile = "~nobody-of-that-name/wines.csv"\n')
    assert isinstance(await source("wines"), CatalogueSource)


async def test_a_name_that_stands_for_nothing_is_named() -> None:
    with pytest.raises(SourceError, match=r"no source 'nonsense'; name it in the file of BRAID"):
        await source("nonsense")


async def test_the_file_that_the_documentation_shows_is_understood(settings: Path) -> None:
    [shown] = re.findall(
        r"```toml\n(.*?)```", (ROOT / "docs" / "sources.md").read_text(), re.DOTALL
    )
    settings.write_text(shown)
    assert isinstance(await source("flights"), JsonSource)
    assert isinstance(await source("restaurants"), CatalogueSource)
