"""What `moderation` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge, tally
from state.parallel import ParallelOutput, ParallelState

Decision = Literal["allow", "block", "abstain"]
Rule = Literal["majority", "threshold", "unanimous"]


class ModerationInput(TypedDict):
    """A text to be judged, and how the votes are counted."""

    text: Annotated[
        str, Field(min_length=1, max_length=50_000, description="The text to be judged.")
    ]
    rule: NotRequired[
        Annotated[
            Rule,
            Field(
                default="majority",
                description="What blocks: most votes, a share of them (threshold), or all.",
            ),
        ]
    ]
    threshold: NotRequired[
        Annotated[
            float,
            Field(
                default=0.6,
                gt=0,
                le=1,
                description="The share of votes that blocks, under the rule `threshold`.",
            ),
        ]
    ]
    least_agreement: NotRequired[
        Annotated[
            float,
            Field(
                default=0.6,
                ge=0,
                le=1,
                description="Below this share of equal votes a person decides.",
            ),
        ]
    ]


class Vote(TypedDict):
    """One voter's judgement."""

    decision: Decision
    reason: str


class Voted(TypedDict):
    """What each branch writes."""

    votes: dict[str, Vote]
    counts: dict[str, int]


class ModerationState(ParallelState, total=False):
    """The state of a vote."""

    text: str
    rule: Rule
    threshold: float
    least_agreement: float
    votes: Annotated[dict[str, Vote], merge]
    """By voter."""
    counts: Annotated[dict[str, int], tally]
    """By decision."""
    decision: str | None
    agreement: float | None
    decided_by: str | None
    note: str | None


class ModerationOutput(ParallelOutput, total=False):
    """The decision and the votes behind it."""

    decision: Literal["allow", "block", "undecided"]
    """`undecided`: a person should decide, and none could be asked."""
    decided_by: Literal["vote", "person"]
    note: str | None
    """What the person added."""
    agreement: float
    """The share of the votes cast, without abstentions, that the larger side has."""
    counts: dict[str, int]
    votes: dict[str, Vote]
