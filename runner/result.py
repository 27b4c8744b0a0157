"""Put what a run made before a reader: text as Markdown, lists and tables, long ones shortened."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markdown import Heading, Markdown, MarkdownElement
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from runner.words import count, plain

LONGEST_TEXTS = (4_000, 1_500, 200)
"""Characters of one text that are shown: of a field, of an entry in it, of anything deeper."""
MOST_ENTRIES = 20
"""Entries of one list or table that are shown."""
MOST_LINES = 80
"""Lines of a field that is a text ..."""
MOST_LINES_OF_DETAIL = 40
"""... and of one that is a table or a list."""
LONGEST_LINE = 60
"""Characters of a text that stands beside its name."""
LONGEST_NAME = 40
LONGEST_CELL = 160
MOST_COLUMNS = 5
WIDEST_RECORD = 130
"""Characters of a row of a table, which may wrap."""
DEEPEST = 4
MARKDOWN = re.compile(r"^ {0,3}(#{1,6} |[-*+] |\d+[.)] |```)|\*\*\S", re.MULTILINE)
"""What tells Markdown from text that only has lines."""


def result(output: Mapping[str, Any], given: Collection[str]) -> RenderableType:
    """Return a workflow's output for a terminal, what fits on a line first.

    What the user gave is left out, and nothing is told twice: of a table whose texts all stand
    in another field only that field is shown.
    """
    texts = [found for found in output.values() if isinstance(found, str)]
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    blocks: list[RenderableType] = []
    for name, found in output.items():
        if name in given or _told_in(texts, found):
            continue
        label, shown = Text(plain(name).replace("_", " "), "bold"), value(found)
        if isinstance(shown, Text):
            lines.add_row(label, shown)
        else:
            most = MOST_LINES if isinstance(found, str) else MOST_LINES_OF_DETAIL
            blocks += [Text(), label, Padding(_Cut(shown, most), (0, 0, 0, 2))]
    if lines.row_count:
        blocks = [Text(), lines, *blocks]
    return Group(*blocks)


def value(found: Any, depth: int = 0) -> RenderableType:
    """Return any JSON value for a terminal; it comes from models and documents."""
    match found:
        case str():
            return _text(found, LONGEST_TEXTS[min(depth, 2)])
        case Mapping() if found and depth < DEEPEST:
            return _table(found, depth)
        case Sequence() if found and depth < DEEPEST:
            return _list(found, depth)
        case [] | {}:
            return _scalar(None)
        case _:
            return _scalar(found)


class _Heading(Heading):
    """A heading on the left, where the text begins."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Markdown(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
    }


@dataclass(frozen=True)
class _Cut:
    """What is shown, up to so many lines."""

    shown: RenderableType
    most: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self.shown, options, pad=False)
        for line in lines[: self.most]:
            yield from line
            yield Segment.line()
        if (rest := len(lines) - self.most) > 0:
            yield _more(count(rest, "more line"))


def _told_in(texts: Sequence[str], found: Any) -> bool:
    if not isinstance(found, Mapping) or not found:
        return False
    return all(
        isinstance(part, str) and any(part in text for text in texts) for part in found.values()
    )


def _text(text: str, longest: int) -> RenderableType:
    if "\n" not in text and len(text) <= LONGEST_LINE:
        return Text(plain(text))
    if text.lstrip().startswith("<") and text.rstrip().endswith(">"):
        return Text(f"HTML of {len(text):,} characters; --json shows it", "dim")
    lines = [_line(line, longest) for line in text[:longest].splitlines()]
    shown: RenderableType = Text("\n".join(lines))
    if MARKDOWN.search(text):
        # Hard breaks: Markdown would make one paragraph of the lines of a poem.
        shown = _Markdown("  \n".join(lines), hyperlinks=False)
    rest = len(text) - longest
    return Group(shown, _more(f"{rest:,} more characters")) if rest > 0 else Group(shown)


def _line(line: str, longest: int) -> str:
    """Return a line of text that can do nothing but be read; its indentation stays."""
    return line[: len(line) - len(line.lstrip(" "))] + plain(line, longest)


def _table(found: Mapping[str, Any], depth: int) -> RenderableType:
    entries = list(islice(found.items(), MOST_ENTRIES))
    if columns := _columns(list(found.values())):
        table = _records(["", *columns])
        for key, entry in entries:
            table.add_row(Text(plain(key), "cyan"), *(_cell(entry[column]) for column in columns))
    else:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="cyan", no_wrap=True, max_width=24)
        table.add_column(overflow="fold")
        for key, entry in entries:
            table.add_row(Text(plain(key, 60)), value(entry, depth + 1))
    return _with_rest(table, found)


def _list(found: Sequence[Any], depth: int) -> RenderableType:
    entries = list(islice(found, MOST_ENTRIES))
    if all(_is_short(entry) for entry in found):
        rest = len(found) - len(entries)
        more = [f"... and {rest:,} more"] if rest else []
        return Text(", ".join([*(_cell(entry).plain for entry in entries), *more]))
    if columns := _columns(found):
        table = _records(columns)
        for entry in entries:
            table.add_row(*(_cell(entry[column]) for column in columns))
    else:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column()
        table.add_column(overflow="fold")
        for entry in entries:
            table.add_row("-", value(entry, depth + 1))
    return _with_rest(table, found)


def _records(columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="cyan")
    for column in columns:
        table.add_column(Text(plain(column)), overflow="fold")
    return table


def _columns(found: Sequence[Any]) -> list[str]:
    """Return the keys of records that fit into a table; empty of anything else."""
    first = found[0]
    if not isinstance(first, Mapping) or not 1 < len(first) <= MOST_COLUMNS:
        return []
    alike = all(
        isinstance(entry, Mapping)
        and entry.keys() == first.keys()
        and all(_fits_a_cell(part) for part in entry.values())
        for entry in found
    )
    if not alike:
        return []
    widest = (max(len(str(entry[column])) for entry in found) for column in first)
    return list(first) if sum(widest) <= WIDEST_RECORD else []


def _fits_a_cell(part: Any) -> bool:
    if isinstance(part, str):
        return len(part) <= LONGEST_CELL and "\n" not in part
    return part is None or isinstance(part, int | float)


def _is_short(entry: Any) -> bool:
    """Tell a number, a name or a tag from a sentence."""
    if isinstance(entry, str):
        return len(entry) <= LONGEST_NAME and entry.count(" ") < 4
    return isinstance(entry, int | float)


def _cell(part: str | float | None) -> Text:
    return Text(plain(part)) if isinstance(part, str) else _scalar(part)


def _scalar(found: Any) -> Text:
    match found:
        case None:
            return Text("none", "dim")
        case bool():
            return Text("yes" if found else "no")
        case int():
            return Text(f"{found:,}")
        case float():
            return Text(f"{found:,.4g}")
        case _:
            return Text(plain(found))


def _with_rest(table: Table, found: Collection[Any]) -> RenderableType:
    rest = len(found) - MOST_ENTRIES
    return table if rest <= 0 else Group(table, _more(f"{rest:,} more"))


def _more(what: str) -> Text:
    return Text(f"... and {what}; --json shows all", "dim")
