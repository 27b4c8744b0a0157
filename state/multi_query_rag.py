"""What `multi_query_rag` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge, rank_fusion
from state.parallel import ParallelOutput, ParallelState
from state.sources import Hit


class QuestionInput(TypedDict):
    """A question, and a folder that may answer it."""

    question: Annotated[
        str, Field(min_length=1, max_length=2_000, description="What you want to know.")
    ]
    folder: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1_000,
            pattern=r"^[^\x00]+$",
            description="A folder with your text and Markdown files, from the working directory if "
            "relative.",
        ),
    ]
    variants: NotRequired[
        Annotated[
            int,
            Field(default=4, ge=1, le=10, description="In how many ways the question is asked."),
        ]
    ]
    top: NotRequired[
        Annotated[
            int,
            Field(default=6, ge=1, le=20, description="On how many passages the answer may rest."),
        ]
    ]


class Search(TypedDict):
    """One item: a query to be looked up."""

    item: str
    query: str
    folder: str


class Retrieved(TypedDict):
    """What each item writes."""

    searched: dict[str, str]
    ranks: dict[str, list[int]]
    hits: dict[str, Hit]


class RankedPassage(TypedDict):
    """A passage and how well it fits all queries together."""

    title: str
    url: str
    """Its file and lines: `notes.md#L12-L18`."""
    score: float
    found_by: int
    """How many of the queries found it."""


class Citation(TypedDict):
    """What a number in the answer stands for."""

    number: int
    file: str
    lines: list[int]
    """The first and the last."""
    title: str
    quotes: list[str]
    """The file's own words, checked against it."""


class RagState(ParallelState, total=False):
    """The state of an answer."""

    question: str
    folder: str
    variants: int
    top: int
    searched: Annotated[dict[str, str], merge]
    """By item: its query."""
    ranks: Annotated[dict[str, list[int]], rank_fusion]
    """By url: the places it took among what each query found."""
    hits: Annotated[dict[str, Hit], merge]
    """By url."""
    answer: str | None
    citations: list[Citation] | None
    passages: list[RankedPassage] | None
    queries: list[str] | None
    files: int | None
    skipped: list[str] | None
    dropped: int | None


class RagOutput(ParallelOutput, total=False):
    """An answer that cites file and passage."""

    answer: str
    """With numbers in brackets: those of the citations."""
    citations: list[Citation]
    passages: list[RankedPassage]
    """What the answer was made from, the best first."""
    queries: list[str]
    """The ways in which the question was asked; those that failed are in `failures`."""
    files: int
    """Files of the folder that were searched."""
    skipped: list[str]
    """Files that could not be, each with the reason."""
    dropped: int
    """Claims that were left out, because their quote is not in the passage they name."""
