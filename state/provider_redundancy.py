"""What `provider_redundancy` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState

Mode = Literal["best", "first", "hedge"]


class RedundancyInput(TypedDict):
    """A query, and how three providers answer it."""

    query: Annotated[
        str, Field(min_length=1, max_length=50_000, description="What every provider is asked.")
    ]
    mode: NotRequired[
        Annotated[
            Mode,
            Field(
                default="best",
                description="best: wait for all; first: the first acceptable answer; hedge: ask "
                "the next provider only after a delay or a failure.",
            ),
        ]
    ]
    least_confidence: NotRequired[
        Annotated[
            float,
            Field(
                default=0.5,
                ge=0,
                le=1,
                description="The confidence that makes an answer acceptable (first, hedge).",
            ),
        ]
    ]
    delay: NotRequired[
        Annotated[
            float,
            Field(
                default=2.0,
                gt=0,
                le=60,
                description="Seconds before the next provider is asked (hedge).",
            ),
        ]
    ]


class Entry(TypedDict):
    """How one provider did."""

    provider: str
    """The model, and its endpoint where it has one of its own."""
    outcome: Literal["answered", "called off"]
    answer: str | None
    confidence: float | None
    seconds: float


class Entered(TypedDict):
    """What each branch writes."""

    entries: dict[str, Entry]


class RedundancyState(ParallelState, total=False):
    """The state of a redundant query."""

    query: str
    mode: Mode
    least_confidence: float
    delay: float
    entries: Annotated[dict[str, Entry], merge]
    """By branch."""
    result: str | None
    winner: str | None
    confidence: float | None


class RedundancyOutput(ParallelOutput, total=False):
    """The answer that was chosen, and how each provider did."""

    result: str
    winner: str
    """The branch that gave it."""
    confidence: float
    entries: dict[str, Entry]
    """By branch; `failures` has those that failed. Tokens are in the run's timing."""
