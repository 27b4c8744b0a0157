"""What `translation` takes, keeps and gives back."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from reducers import merge
from state.parallel import ParallelOutput, ParallelState

Engine = Literal["faithful", "fluent"]
Language = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=50)]


class TranslationInput(TypedDict):
    """A text and the languages that it is wanted in."""

    text: Annotated[
        str, Field(min_length=1, max_length=20_000, description="The text to translate.")
    ]
    languages: Annotated[
        list[Language],
        Field(min_length=1, max_length=20, description="The languages, by their English names."),
    ]
    engines: NotRequired[
        Annotated[
            list[Engine],
            Field(
                default=["faithful", "fluent"],
                min_length=1,
                max_length=2,
                description="The manners of translating to compare: faithful, fluent or both.",
            ),
        ]
    ]


class Job(TypedDict):
    """One item: a language and an engine."""

    text: str
    language: str
    engine: Engine


class Candidate(TypedDict):
    """One engine's translation into one language."""

    language: str
    engine: Engine
    text: str
    back: str
    """The candidate translated back."""
    score: float
    """From 0 to 1: how much of the original the back-translation has."""


class Translated(TypedDict):
    """What each item writes."""

    candidates: dict[str, Candidate]


class TranslationState(ParallelState, total=False):
    """The state of a translation."""

    text: str
    languages: list[str]
    engines: list[Engine]
    candidates: Annotated[dict[str, Candidate], merge]
    """By item, `language/engine`."""
    translations: dict[str, str] | None
    missing: list[str] | None


class TranslationOutput(ParallelOutput, total=False):
    """The best candidate for each language, and all of them."""

    translations: dict[str, str]
    """By language."""
    missing: list[str]
    """Languages for which no engine succeeded."""
    candidates: dict[str, Candidate]
