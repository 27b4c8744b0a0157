"""What `travel_plan` takes, keeps and gives back."""

from __future__ import annotations

from datetime import date
from typing import Annotated, NotRequired

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState

LONGEST_TRIP = 60
"""Nights."""


def _is_date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("it must be a date such as 2026-09-18") from None
    return text


class TravelInput(TypedDict):
    """A trip to be planned."""

    destination: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            description="Where to. The sample catalogues know Port Alder, Sablemont and Kestrel "
            "Bay, all made up; BRAID_SOURCES names real sources.",
        ),
    ]
    start_date: Annotated[
        str,
        AfterValidator(_is_date),
        Field(
            description="The day of arrival, such as 2026-09-18.",
            json_schema_extra={"format": "date"},
        ),
    ]
    end_date: Annotated[
        str,
        AfterValidator(_is_date),
        Field(
            description=f"The day of departure, at most {LONGEST_TRIP} nights later.",
            json_schema_extra={"format": "date"},
        ),
    ]
    travellers: NotRequired[
        Annotated[int, Field(default=1, ge=1, le=20, description="How many people travel.")]
    ]
    interests: NotRequired[
        Annotated[
            str,
            Field(default="", max_length=1_000, description="What they like, in their own words."),
        ]
    ]


class Offer(TypedDict):
    """Something to book or to go to, as its source has it."""

    title: str
    text: str
    url: str
    source: str
    price: float | None
    """For one person, or for one room and night."""
    currency: str
    time: str
    """When it begins, such as 19:30; empty where that is not known."""
    until: str
    """When a flight arrives."""
    direction: str
    """Of a flight: out, back, or empty for a return ticket."""
    days: list[str]
    """The weekdays on which it can be had, such as mon."""
    reason: str
    """Why it was chosen; empty for a flight, which is the cheapest."""


class Entry(TypedDict):
    """One line of an itinerary."""

    time: str
    kind: str
    """flight, hotel, event or restaurant."""
    title: str
    price: float | None
    """For all travellers, and for all nights."""
    currency: str
    url: str
    source: str


class Day(TypedDict):
    """One day of an itinerary."""

    date: str
    entries: list[Entry]


class Offered(TypedDict):
    """What each branch writes: its offers, the preferred ones first, under its own name."""

    offers: dict[str, list[Offer]]


class TravelState(ParallelState, total=False):
    """The state of a plan."""

    destination: str
    start_date: str
    end_date: str
    travellers: int
    interests: str
    offers: Annotated[dict[str, list[Offer]], merge]
    """By branch: flights, hotels, events, restaurants."""
    itinerary: list[Day] | None
    total_price: dict[str, float] | None
    missing: list[str] | None
    plan: str | None


class TravelOutput(ParallelOutput, total=False):
    """A dated itinerary and what it costs."""

    plan: str
    """The itinerary as Markdown."""
    itinerary: list[Day]
    total_price: dict[str, float]
    """By currency, for all travellers; what has no price is not in it, and named in `missing`."""
    missing: list[str]
    """What the plan lacks, one sentence each."""
    offers: dict[str, list[Offer]]
    """All that was found, the preferred ones first."""
