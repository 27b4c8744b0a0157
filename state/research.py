"""What `research` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reducers import deep_merge, merge, tally
from state.parallel import ParallelOutput, ParallelState
from state.sources import Hit


class ResearchInput(TypedDict):
    """A question to look into."""

    question: Annotated[
        str, Field(min_length=1, max_length=2_000, description="What you want to know.")
    ]
    sources: NotRequired[
        Annotated[
            Literal["local", "web"],
            Field(
                default="local",
                description="Where to look: local is the folder; web is Wikipedia, arXiv and "
                "Hacker News, which then see the question's words.",
            ),
        ]
    ]
    folder: NotRequired[
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=1_000,
                pattern=r"^[^\x00]+$",
                description="A folder with your text and Markdown files, from the working "
                "directory if relative; for local.",
            ),
        ]
    ]
    limit: NotRequired[
        Annotated[
            int,
            Field(default=3, ge=1, le=10, description="How many results of each source are read."),
        ]
    ]


class Note(TypedDict):
    """What one place has to say."""

    title: str
    url: str
    source: str
    said: dict[str, str]
    """Each claim, with the words of the place that show it."""


class Found(TypedDict):
    """What searching and reading write: the branch's hits, under its own name."""

    found: dict[str, list[Hit]]


class Noted(TypedDict):
    """What extracting writes."""

    notes: dict[str, Note]
    dropped: dict[str, int]


class ResearchState(ParallelState, total=False):
    """The state of an inquiry."""

    question: str
    sources: Literal["local", "web"]
    folder: str | None
    limit: int
    found: Annotated[dict[str, list[Hit]], merge]
    """By branch: background, evidence, recent."""
    notes: Annotated[dict[str, Note], deep_merge]
    """By url, so what two branches found in one place is one note."""
    dropped: Annotated[dict[str, int], tally]
    """By branch: claims that could not be found in their source."""
    report: str | None
    cited: list[str] | None
    missing: list[str] | None


class ResearchOutput(ParallelOutput, total=False):
    """A cited report, and the notes that it was written from."""

    report: str
    """Markdown; the numbers in brackets are those of the sources at its end."""
    cited: list[str]
    """The urls that the report cites."""
    notes: dict[str, Note]
    """By url."""
    missing: list[str]
    """What the report lacks, one sentence each."""
