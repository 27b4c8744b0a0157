"""Four searches about one company, and a brief in which every claim names its source."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from nodes.sources import claims, source
from state import Context
from state.company_research import CompanyState, Found

NEWS = "State in at most six claims what has happened at the company, the most important first."
FINANCIALS = (
    "State in at most six claims how the company is doing financially: figures with their period."
)
SOCIAL = (
    "State in at most six claims what people say about the company, praise and complaints alike."
)
PROFILE = (
    "State in at most six claims what the company is: what it makes, its size, age and owners."
)

MOST_HITS = 12
SECTIONS = {
    "profile": "Profile",
    "news": "News",
    "financials": "Financials",
    "social": "What people say",
}


class Briefed(TypedDict):
    """What the aggregator writes."""

    brief: str
    missing: list[str]


async def news(state: CompanyState, runtime: Runtime[Context]) -> Found:
    """Find out what has happened."""
    return await _find("news", NEWS, state, runtime)


async def financials(state: CompanyState, runtime: Runtime[Context]) -> Found:
    """Find out how it is doing."""
    return await _find("financials", FINANCIALS, state, runtime)


async def social(state: CompanyState, runtime: Runtime[Context]) -> Found:
    """Find out what people say."""
    return await _find("social", SOCIAL, state, runtime)


async def profile(state: CompanyState, runtime: Runtime[Context]) -> Found:
    """Find out what it is."""
    return await _find("profile", PROFILE, state, runtime)


async def write_brief(state: CompanyState) -> Briefed:
    """Set the claims in sections and number their sources. Nothing is added to what was checked."""
    found = state["claims"]
    numbers: dict[tuple[str, str, str], int] = {}
    sections = []
    for name, heading in SECTIONS.items():
        lines = []
        for claim in found.get(name, ()):
            number = numbers.setdefault(
                (claim["title"], claim["url"], claim["source"]), len(numbers) + 1
            )
            lines.append(f"- {claim['text']} [{number}]")
        if lines:
            sections.append("\n".join([f"## {heading}", "", *lines]))
    listed = [
        f"{number}. {title}: {url or 'no address'} (source: {source})"
        for (title, url, source), number in numbers.items()
    ]
    missing = list(_missing(state))
    parts = [f"# {state['company']}", *sections]
    if listed:
        parts.append("\n".join(["## Sources", "", *listed]))
    if missing:
        parts.append("\n".join(["## Missing", "", *(f"- {each}" for each in missing)]))
    return {"brief": "\n\n".join(parts), "missing": missing}


async def _find(
    name: str, instructions: str, state: CompanyState, runtime: Runtime[Context]
) -> Found:
    company = state["company"]
    hits = await (await source(name)).search(company, MOST_HITS)
    held, dropped = await claims(runtime, instructions, hits, question=company)
    return {"claims": {name: held}, "dropped": {name: dropped}}


def _missing(state: CompanyState) -> Iterator[str]:
    for name, heading in SECTIONS.items():
        if failure := state["failures"].get(name):
            yield f"{heading}: it could not be looked up: {failure['message']}"
        elif not state["claims"].get(name):
            yield f"{heading}: nothing was found about {state['company']}."
        if dropped := state["dropped"].get(name, 0):
            yield f"{heading}: claims that its sources do not bear out, left out: {dropped}."
