"""Put what a run made before a reader: text as Markdown, lists and tables, long ones shortened."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from runner.words import plain

LONGEST_TEXT = 4_000
"""Characters of one text that are shown."""
MOST_ENTRIES = 20
"""Entries of one list or table that are shown."""
LONGEST_LINE = 60
"""Characters of a text, or of a list of short values, that stands on one line."""
DEEPEST = 4


def result(output: Mapping[str, Any], given: Collection[str]) -> RenderableType:
    """Return a workflow's output for a terminal, without what the user gave it.

    Nothing is told twice: a table whose texts all stand in another field is left out.
    """
    texts = [value for value in output.values() if isinstance(value, str)]
    return Group(
        *(
            _field(name, value)
            for name, value in output.items()
            if name not in given and not _told_in(texts, value)
        )
    )


def value(found: Any, depth: int = 0) -> RenderableType:
    """Return any JSON value for a terminal; it comes from models and documents."""
    match found:
        case str():
            return _text(found)
        case Mapping() if found and depth < DEEPEST:
            return _table(found, depth)
        case Sequence() if found and depth < DEEPEST:
            return _list(found, depth)
        case bool():
            return Text("yes" if found else "no")
        case int() | float():
            return Text(_number(found))
        case None | [] | {}:
            return Text("none", "dim")
        case _:
            return Text(plain(found))


def _field(name: str, found: Any) -> RenderableType:
    label = Text(plain(name).replace("_", " "), "bold")
    shown = value(found)
    if isinstance(shown, Text):
        return Group(Text(), Text.assemble(label, "  ", shown))
    return Group(Text(), label, Padding(shown, (0, 0, 0, 2)))


def _told_in(texts: Sequence[str], found: Any) -> bool:
    if not isinstance(found, Mapping) or not found:
        return False
    return all(
        isinstance(part, str) and any(part in text for text in texts) for part in found.values()
    )


def _text(text: str) -> RenderableType:
    if "\n" not in text and len(text) <= LONGEST_LINE:
        return Text(plain(text))
    shown = Markdown(_lines(text[:LONGEST_TEXT]), hyperlinks=False)
    rest = len(text) - LONGEST_TEXT
    if rest <= 0:
        return shown
    return Group(shown, _more(f"{rest:,} more characters"))


def _lines(text: str) -> str:
    """Return text without control characters, each line ended as Markdown's hard break.

    Markdown would make one paragraph of the lines of a poem.
    """
    lines = (
        line[: len(line) - len(line.lstrip(" "))] + plain(line, LONGEST_TEXT)
        for line in text.splitlines()
    )
    return "  \n".join(lines)


def _table(found: Mapping[str, Any], depth: int) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True, max_width=24)
    table.add_column()
    for key, entry in islice(found.items(), MOST_ENTRIES):
        table.add_row(plain(key, 60), value(entry, depth + 1))
    return _with_rest(table, found)


def _list(found: Sequence[Any], depth: int) -> RenderableType:
    if all(isinstance(entry, str | int | float) for entry in found):
        line = ", ".join(
            plain(entry) if isinstance(entry, str) else _number(entry) for entry in found
        )
        if len(line) <= LONGEST_LINE:
            return Text(line)
    table = Table.grid(padding=(0, 1, 0, 0))
    for entry in islice(found, MOST_ENTRIES):
        table.add_row("-", value(entry, depth + 1))
    return _with_rest(table, found)


def _with_rest(table: Table, found: Collection[Any]) -> RenderableType:
    rest = len(found) - MOST_ENTRIES
    return table if rest <= 0 else Group(table, _more(f"{rest:,} more"))


def _more(what: str) -> Text:
    return Text(f"... and {what}; --json shows all", "dim")


def _number(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.4g}"
