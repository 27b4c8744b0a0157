"""The model that is asked under torture: what it answers, and what befalls the requests."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import Any

from support.openai_server import (
    Asked,
    Cut,
    Delay,
    Fault,
    Garbage,
    Hang,
    Ok,
    OpenAIServer,
    Seeded,
    Status,
    Text,
)

REFUSED = Status(400, message="told to refuse")
KINDS: dict[str, tuple[Fault, float]] = {
    "delayed": (Delay(0.1), 0.06),
    "dropped": (Cut(0), 0.04),
    "hanging": (Hang(), 0.03),
    "429": (Status(429, {"Retry-After": "0"}), 0.04),
    "500": (Status(500), 0.04),
    "cut off": (Cut(), 0.04),
    "garbage": (Garbage(), 0.03),
    "wrong schema": (Text('{"unasked": 1}'), 0.04),
    "refused": (REFUSED, 0.0),
}
"""What befalls a request, and how often: three in a row are a failure."""
HARMLESS = ("answered", "delayed")
LATENCY = 0.06
"""Seconds that an answer takes at most."""


@dataclass(frozen=True)
class Faults(Seeded):
    """Draws by the seed, the messages and how often they were asked; remembers what it drew."""

    rates: Any = tuple(KINDS.values())
    broken: set[str] = field(default_factory=set)
    """Labels whose requests are refused, until somebody takes them out."""
    drawn: dict[str, str] = field(default_factory=dict)
    """Kind of fault by request."""
    hangs: bool = True
    """Whether a request may hang: where the client is patient, only a kill ends that."""

    def draw(self, asked: Asked, times: int) -> Fault:
        """Return what befalls these messages when they are asked for that time, 1 the first."""
        fault = REFUSED if asked.label in self.broken else super().draw(asked, times)
        if isinstance(fault, Text) and not asked.body.get("response_format"):
            fault = Garbage()  # a text cannot be seen to be wrong
        if isinstance(fault, Hang) and not self.hangs:
            fault = Status(500)
        if isinstance(fault, Ok):
            chance = random.Random(f"{self.seed} latency {times} {asked.messages}")
            fault = Ok(chance.uniform(0, LATENCY))
        kinds = (kind for kind, (known, _) in KINDS.items() if known == fault)
        self.drawn[asked.id] = next(kinds, "answered")
        return fault


def answered(asked: Asked, drawn: dict[str, str]) -> bool:
    """Tell whether a request got an answer that is good."""
    return asked.outcome == "answered" and drawn[asked.id] in HARMLESS


def said(text: str) -> str:
    """Return what the model makes of a text: always the same, and of no other text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def answer(asked: Asked) -> str | dict[str, Any]:
    """Answer with a text, or with a value of a schema that has one field."""
    word = said(asked.text)
    if not (wanted := asked.body.get("response_format")):
        return word
    [(name, spec)] = wanted["json_schema"]["schema"]["properties"].items()
    if spec["type"] == "array":
        return {name: [f"#{letter}{word}" for letter in "abc"]}
    return {name: word}


def server(labels: dict[str, str], faults: Seeded | None = None) -> OpenAIServer:
    """Return the model's server; `labels` has the text that tells each piece of work."""
    return OpenAIServer(labels, answer, faults=faults)
