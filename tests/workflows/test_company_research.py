"""`company_research`: a brief in which nothing stands that no source says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from support.cli import Cli
from support.openai_server import Asked, OpenAIServer, Status, Text
from support.workflows import invoke, run_example

from nodes.sources.citing import quoted
from nodes.sources.configured import SAMPLES

LABELS = {
    "news": "what has happened",
    "financials": "financially",
    "social": "what people say",
    "profile": "what the company is",
}
COMPANY = "Quillfern Robotics"


def first_sentences(asked: Asked) -> dict[str, Any]:
    """Claim the first sentence of every passage, in other words, with that sentence as quote."""
    found = re.findall(r'<passage id="(\d+)">\n# .*?\n\n(.*?\.)(?: |\n)', asked.text)
    claims = [{"text": f"So: {said}", "source": n, "quote": said} for n, said in found]
    return {"claims": claims}


@pytest.fixture
def analyst(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, first_sentences
    return openai_server


def claimed(text: str, source: str, quote: str) -> dict[str, str]:
    return {"text": text, "source": source, "quote": quote}


def rows() -> dict[str, str]:
    """Return the text of every sample row by its url."""
    files = [path.read_text().splitlines() for path in SAMPLES.glob("*.jsonl")]
    return {row["url"]: row["text"] for lines in files for row in map(json.loads, lines)}


def assert_every_claim_is_sourced(output: dict[str, Any]) -> None:
    texts = rows()
    for claim in (claim for claims in output["claims"].values() for claim in claims):
        assert quoted(claim["quote"], texts[claim["url"]])
    body, _, sources = output["brief"].partition("## Sources")
    numbers = set(re.findall(r"^(\d+)\. ", sources, flags=re.MULTILINE))
    for line in body.splitlines():
        if line.startswith("- "):
            [number] = re.findall(r" \[(\d+)\]$", line)
            assert number in numbers


async def test_every_claim_names_its_source(analyst: OpenAIServer) -> None:
    result = await invoke("company_research", company=COMPANY)
    assert result["status"] == "complete"
    assert set(result["claims"]) == {"news", "financials", "social", "profile"}
    assert sum(map(len, result["claims"].values())) == 13, "one for each of its rows"
    assert_every_claim_is_sourced(result)
    headings = re.findall(r"^## (.*)", result["brief"], flags=re.MULTILINE)
    assert headings == ["Profile", "News", "Financials", "What people say", "Sources"]


async def test_an_invented_claim_is_left_out_and_the_brief_says_that_one_was(
    analyst: OpenAIServer,
) -> None:
    made = [
        claimed("It is profitable.", "1", "the company is the most profitable of its kind"),
        claimed("It builds robots.", "1", "builds robots that pick soft fruit"),
        claimed("It builds robots.", "2", "builds robots that pick soft fruit"),
    ]
    analyst.script("profile", Text(json.dumps({"claims": made})))
    result = await invoke("company_research", company=COMPANY)
    assert [claim["text"] for claim in result["claims"]["profile"]] == ["It builds robots."]
    assert "profitable" not in result["brief"]
    assert result["missing"] == ["Profile: claims that its sources do not bear out, left out: 2."]


async def test_a_source_that_fails_is_named(analyst: OpenAIServer) -> None:
    analyst.script("social", Status(400))
    result = await invoke("company_research", company=COMPANY)
    assert result["status"] == "partial"
    assert list(result["failures"]) == ["social"]
    [missing] = result["missing"]
    assert missing.startswith("What people say: it could not be looked up: ")
    assert "## What people say" not in result["brief"]
    assert_every_claim_is_sourced({**result, "brief": result["brief"].partition("## Missing")[0]})


async def test_nothing_is_said_about_an_unknown_company(analyst: OpenAIServer) -> None:
    result = await invoke("company_research", company="Nobody & Sons")
    assert analyst.asked == []
    assert all(not claims for claims in result["claims"].values())
    assert result["missing"][0] == "Profile: nothing was found about Nobody & Sons."


def test_the_example_is_briefed_offline(braid: Cli) -> None:
    output = run_example(braid, "company_research")
    assert all(output["claims"].values())
    assert_every_claim_is_sourced(output)
    assert "source: sample catalogue" in output["brief"]
