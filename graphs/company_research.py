"""Brief on a company from news, figures, posts and profile, every claim tied to its source."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.company_research import financials, news, profile, social, write_brief
from state.company_research import CompanyInput, CompanyOutput, CompanyState

workflow = FanOut(
    name="company_research",
    input=CompanyInput,
    state=CompanyState,
    output=CompanyOutput,
    branches={
        "news": news,
        "financials": financials,
        "social": social,
        "profile": profile,
    },
    aggregator=write_brief,
    quorum=2,  # One view of a company is an anecdote; two can be held against each other.
)
graph = workflow.compile()
