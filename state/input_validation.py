"""What `input_validation` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState


class FormInput(TypedDict):
    """A contact form; at least one field is filled in."""

    email: NotRequired[Annotated[str, Field(max_length=1_000, description="An e-mail address.")]]
    phone: NotRequired[
        Annotated[
            str,
            Field(
                max_length=100,
                description="A phone number, with its country code (+44 ...) or with `region`.",
            ),
        ]
    ]
    region: NotRequired[
        Annotated[
            str,
            Field(
                pattern="^[A-Z]{2}$",
                description="The country of a number without a country code, such as GB.",
            ),
        ]
    ]
    address: NotRequired[
        Annotated[
            str, Field(max_length=500, description="Street and number, postal code and town.")
        ]
    ]
    comment: NotRequired[Annotated[str, Field(max_length=50_000, description="A free text.")]]


class Verdict(TypedDict):
    """What was found out about one field. An invalid value is a result, not a failure."""

    verdict: Literal["valid", "invalid", "not given"]
    reason: str
    normalised: str | None
    """The value as it should be stored; a near match where the value itself is unknown."""


class Checked(TypedDict):
    """What each branch writes."""

    verdicts: dict[str, Verdict]


class FormState(ParallelState, total=False):
    """The state of a check."""

    email: str
    phone: str
    region: str
    address: str
    comment: str
    verdicts: Annotated[dict[str, Verdict], merge]
    """By branch."""
    valid: bool | None
    reasons: dict[str, str] | None
    unchecked: list[str] | None


class FormOutput(ParallelOutput, total=False):
    """One verdict, with a reason for each field."""

    valid: bool
    """Whether every field that is filled in was checked and found valid."""
    reasons: dict[str, str]
    """By field, why it is not."""
    unchecked: list[str]
    """Fields whose check failed."""
    verdicts: dict[str, Verdict]
