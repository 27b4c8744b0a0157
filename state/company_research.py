"""What `company_research` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge, tally
from state.parallel import ParallelOutput, ParallelState
from state.sources import Claim


class CompanyInput(TypedDict):
    """A company to find out about."""

    company: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="Its name. The sample catalogues know Quillfern Robotics, Tannermoor Foods "
            "and Ostrelle Shipping, all made up; BRAID_SOURCES names real sources.",
        ),
    ]


class Found(TypedDict):
    """What each branch writes, under its own name."""

    claims: dict[str, list[Claim]]
    dropped: dict[str, int]


class CompanyState(ParallelState, total=False):
    """The state of a brief."""

    company: str
    claims: Annotated[dict[str, list[Claim]], merge]
    """By branch: news, financials, social, profile."""
    dropped: Annotated[dict[str, int], tally]
    """By branch: claims that could not be found in their source."""
    brief: str | None
    missing: list[str] | None


class CompanyOutput(ParallelOutput, total=False):
    """A brief in which every claim names its source."""

    brief: str
    """Markdown; the numbers in brackets are those of the sources at its end."""
    claims: dict[str, list[Claim]]
    """By branch."""
    missing: list[str]
    """What the brief lacks, one sentence each."""
