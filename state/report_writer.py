"""What `report_writer` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class ReportInput(TypedDict):
    """A topic to report on."""

    topic: Annotated[
        str,
        Field(
            min_length=1,
            max_length=20_000,
            description="What the report is about: a phrase, or the material to base it on.",
        ),
    ]
    max_sections: NotRequired[
        Annotated[
            int,
            Field(
                default=6,
                ge=1,
                le=20,
                description="The most sections, whatever the planner says.",
            ),
        ]
    ]


class Assignment(TypedDict):
    """One item: a section to be written."""

    number: int
    title: str
    brief: str
    topic: str
    outline: list[str]
    """All titles, so that a worker knows what the others write."""


class Section(TypedDict):
    """A section that was written."""

    number: int
    title: str
    text: str


class Written(TypedDict):
    """What each item writes."""

    sections: dict[str, Section]


class ReportState(ParallelState, total=False):
    """The state of a report."""

    topic: str
    max_sections: int
    sections: Annotated[dict[str, Section], merge]
    """By item."""
    report: str | None
    titles: list[str] | None
    missing: list[str] | None


class ReportOutput(ParallelOutput, total=False):
    """The report."""

    report: str
    """Markdown: an introduction and the sections in the planner's order."""
    titles: list[str]
    missing: list[str]
    """Sections that failed, by number and title."""
