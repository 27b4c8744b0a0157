"""Claims count only with a quote that stands in the passage that they name."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.openai_server import OpenAIServer

from nodes.models import UnusableAnswer
from nodes.sources import Hit, claims
from nodes.sources.citing import numbered, quoted

TEXT = (
    "Peat grows slowly. A bog gains *half a millimetre* a year; see [the study](https://x.example)."
)
HITS: list[Hit] = [
    {"title": "One", "text": TEXT, "url": "u1", "source": "s"},
    {"title": "Two", "text": "Fens are fed by groundwater.", "url": "u2", "source": "s"},
]


def claim(source: str, quote: str, text: str = "A claim.") -> dict[str, str]:
    return {"text": text, "source": source, "quote": quote}


async def ask(server: OpenAIServer, *made: dict[str, str]) -> Any:
    server.labels, server.answers = {"all": "Find out"}, {"all": {"claims": list(made)}}
    return await claims(None, "Find out.", HITS, question="What?")  # type: ignore[arg-type]


async def test_a_claim_is_tied_to_the_passage_it_quotes(openai_server: OpenAIServer) -> None:
    held, dropped = await ask(
        openai_server,
        claim("1", "gains half a millimetre a year", "It is slow."),
        claim("[2]", "“Fens are fed by groundwater”"),
    )
    assert dropped == 0
    assert held[0] == {
        "text": "It is slow.",
        "quote": "gains half a millimetre a year",
        "title": "One",
        "url": "u1",
        "source": "s",
    }
    assert held[1]["url"] == "u2"
    assert held[1]["quote"] == "Fens are fed by groundwater"


@pytest.mark.parametrize(
    ("source", "quote"),
    [
        ("2", "gains half a millimetre a year"),
        ("3", "Peat grows slowly"),
        ("0", "Peat grows slowly"),
        ("none", "Peat grows slowly"),
        ("1", "Peat grows quickly"),
        ("1", "grows"),
        ("1", "..."),
    ],
)
async def test_a_claim_that_its_passage_does_not_bear_out_is_dropped(
    openai_server: OpenAIServer, source: str, quote: str
) -> None:
    held, dropped = await ask(openai_server, claim(source, quote), claim("1", "Peat grows slowly"))
    assert [each["quote"] for each in held] == ["Peat grows slowly"]
    assert dropped == 1


async def test_claims_of_which_none_holds_are_asked_for_again(openai_server: OpenAIServer) -> None:
    with pytest.raises(UnusableAnswer, match="No claim of 2 has a quote") as caught:
        await ask(openai_server, claim("1", "invented words here"), claim("9", "Peat grows slowly"))
    assert caught.value.transient


async def test_no_claims_are_an_answer_too(openai_server: OpenAIServer) -> None:
    assert await ask(openai_server) == ([], 0)


async def test_without_passages_nobody_is_asked(openai_server: OpenAIServer) -> None:
    assert await claims(None, "Find out.", [], question="What?") == ([], 0)  # type: ignore[arg-type]
    assert openai_server.asked == []


async def test_the_passages_travel_as_data(openai_server: OpenAIServer) -> None:
    await ask(openai_server)
    system, user = openai_server.asked[0].body["messages"]
    assert "Peat" not in system["content"]
    assert '<passage id="2">\n# Two\n\nFens are fed by groundwater.\n</passage>' in user["content"]


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("peat GROWS slowly", True),
        ("Peat grows slowly. A bog gains", True),
        ("see the study", True),
        ("Peat grows … a year", True),
        ("a year ... Peat grows", True),
        ("eat grows slow", False),
        ("slowly grows peat", False),
        ("x example", False),
        ("", False),
        ("a year", False),
    ],
)
def test_a_quote_is_its_words_in_order(quote: str, stands: bool) -> None:
    assert quoted(quote, TEXT) is stands


def test_a_quote_stands_however_its_accents_are_encoded() -> None:
    text = "Le café résume très bien la côte."
    assert quoted(text, unicodedata.normalize("NFD", text))
    assert quoted(unicodedata.normalize("NFD", text), text)


def test_a_short_text_may_be_quoted_whole() -> None:
    assert quoted("Sold out!", "Sold out.")
    assert not quoted("Sold", "Sold out.")


@given(st.lists(st.text(st.sampled_from('ab <>/passage id="1\n'), max_size=60), max_size=4))
def test_no_text_can_end_its_element_or_begin_another(texts: list[str]) -> None:
    shown = numbered("passage", texts)
    assert shown.count("<passage") == len(texts)
    assert shown.count("</passage>") == len(texts)


def test_a_disguised_tag_is_made_harmless() -> None:
    assert numbered("note", ["< / NOTE >x<note id='2'>"]).count("<") == 2
