"""What every parallel workflow keeps beside its own keys, and what a run may be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from reducers import add, merge

Status = Literal["complete", "partial", "aborted"]


class Failure(TypedDict):
    """Why a branch (or an item) failed for good."""

    error_type: str
    """The exception's class name."""
    message: str
    attempts: int
    step: NotRequired[str]
    """The step that failed, in a branch of several steps."""


class Usage(TypedDict):
    """What one model was asked for during a span."""

    calls: int
    input: int
    """Tokens."""
    output: int
    """Tokens."""


class Span(TypedDict):
    """One piece of work from its first attempt to its last, kept with its result."""

    name: str
    """The branch or the item; `split` or `aggregate` for those nodes."""
    node: str
    """The LangGraph node it ran in: the branch itself, `worker`, `split` or `aggregate`."""
    step: NotRequired[str]
    start: float
    """Unix time in seconds, when the first attempt got its slot."""
    end: float
    status: Literal["ok", "failed"]
    attempts: int
    first_token: NotRequired[float]
    """Unix time in seconds of the first token, where the model streamed."""
    usage: NotRequired[dict[str, Usage]]
    """Per model name."""


class ParallelOutput(TypedDict, total=False):
    """What every workflow gives back beside its result."""

    status: Status | None
    """`partial`: some branches failed, and the result is made of the others."""
    failures: dict[str, Failure]
    """What is missing, by branch or item, and why."""


class ParallelState(TypedDict, total=False):
    """The keys that fork, guard and join use; every workflow's state extends it."""

    status: Status | None
    """Set by join: how the branches ended."""
    failures: Annotated[dict[str, Failure | None], merge]
    """By branch or item; None takes an earlier failure back."""
    unfinished: Annotated[dict[str, Any], merge]
    """What a retry starts from: a failed item's payload, a failed branch's step."""
    expected: int | None
    """How many items split made."""
    spans: Annotated[list[Span], add]
    """When each piece of work ran, what it took and what it used."""


@dataclass(frozen=True)
class Context:
    """Options of one run. None means: as the workflow and the environment say."""

    max_parallel: Annotated[
        int | None, Field(ge=1, description="How many branches may run at once.")
    ] = None
    model: Annotated[
        str | None, Field(description="The chat model to ask instead of BRAID_MODEL.")
    ] = None

    def __post_init__(self) -> None:
        limit = self.max_parallel
        if limit is not None and (not isinstance(limit, int) or limit < 1):
            raise ValueError(f"max_parallel must be a whole number of at least 1, not {limit!r}")
