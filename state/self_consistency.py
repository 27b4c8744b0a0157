"""What `self_consistency` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class QuestionInput(TypedDict):
    """A question with one short answer."""

    question: Annotated[
        str,
        Field(
            min_length=1,
            max_length=10_000,
            description="A question whose answer is a number or a few words.",
        ),
    ]


class Answer(TypedDict):
    """What one approach answered."""

    answer: str
    reasoning: str


class Answered(TypedDict):
    """What each branch writes: its answer, under its own name."""

    answers: dict[str, Answer]


class ConsistencyState(ParallelState, total=False):
    """The state of a vote on an answer."""

    question: str
    answers: Annotated[dict[str, Answer], merge]
    """By approach."""
    answer: str | None
    support: float | None
    votes: dict[str, list[str]] | None
    dissent: dict[str, Answer] | None


class ConsistencyOutput(ParallelOutput, total=False):
    """The answer of the majority, what supports it and what does not."""

    answer: str | None
    """None when no answer has more votes than every other."""
    support: float
    """The share of the approaches that gave the most frequent answer."""
    votes: dict[str, list[str]]
    """By answer, the approaches that gave it."""
    dissent: dict[str, Answer]
    """By approach, the answers that differ from the majority's."""
