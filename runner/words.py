"""How numbers, and text that others wrote, are put before a reader."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-~]?|.?)")
_JOINERS = "\u200c\u200d"  # format characters that scripts and emoji need
_NO_XML = "\ufffe\uffff"

MARKS: Mapping[str, str] = MappingProxyType(
    {"ok": "✓", "failed": "✗", "paused": "‖", "retrying": "↻", "waiting": "·"}
)
ASCII_MARKS: Mapping[str, str] = MappingProxyType(
    {"ok": "+", "failed": "x", "paused": "=", "retrying": "~", "waiting": "."}
)


def plain(text: object, limit: int = 200) -> str:
    """Return text as one line of at most `limit` characters that can do nothing but be read.

    Names and messages come from documents, models and servers: escape sequences, control
    characters and those that reverse the direction of writing are taken out.
    """
    raw = _ESCAPE_SEQUENCE.sub("", str(text)[: 4 * limit])
    line = "".join(char for char in " ".join(raw.split()) if _harmless(char))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def seconds(time: float) -> str:
    """Return a length of time as people say it: `0.64 s`, `2 min 05 s`, `1 h 02 min`."""
    if time < 9.995:
        return f"{time:.2f} s"
    if time < 59.95:
        return f"{time:.1f} s"
    whole = round(time)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 branch`, `3 branches`, `1,204 tokens`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith('ch') else 's'}"


def some(names: Sequence[str], most: int = 3) -> str:
    """Return the first names and how many more there are: `a, b, c and 4 more`."""
    more = len(names) - most
    shown = ", ".join(names[:most])
    return f"{shown} and {more:,} more" if more > 0 else shown


def usd(cost: float) -> str:
    """Return an amount with as many digits as a model's small prices need."""
    return f"${cost:,.2f}" if cost >= 1 else f"${cost:.4f}"


def _harmless(char: str) -> bool:
    if char in _JOINERS:
        return True
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs") and char not in _NO_XML
