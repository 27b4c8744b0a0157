"""Show a run that has ended: one bar per branch on a common time axis.

Each function takes the object that `braid run --json` prints, and may be given the `Detail` of
the same run, for the nodes around the branches, the single steps, and what the models were asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from runner import page, picture
from runner.chart import AT_ONCE, Chart, Report, Row, chart, tick, ticks
from runner.timing import Detail
from runner.words import ASCII_MARKS, MARKS, some

LONGEST_NAME = 24
SHORTEST_BAR = 30
MOST_REASONS = 5


def as_text(report: Report, width: int, detail: Detail | None = None) -> RenderableType:
    """Return a timeline for a terminal of this width, in characters."""
    return _Timeline(chart(report, detail), width)


def as_svg(report: Report, detail: Detail | None = None) -> str:
    """Return a picture that stands alone, also in an `<img>`, in light and in dark."""
    return picture.svg(chart(report, detail))


def as_html(report: Report, detail: Detail | None = None) -> str:
    """Return a page that stands alone: the picture, and a table of every branch."""
    return page.html(chart(report, detail))


def check(path: str | Path) -> None:
    """Raise ValueError, with the sentence to show, when no timeline can be written there."""
    target = Path(path)
    if target.suffix.lower() not in (".svg", ".html"):
        raise ValueError(f"A timeline is an .svg or an .html file; {target} is neither.")
    try:
        if not target.parent.is_dir():
            raise ValueError(f"The timeline cannot go to {target}: there is no such folder.")
        if target.is_dir():
            raise ValueError(f"The timeline cannot go to {target}: it is a folder.")
    except OSError as error:  # a name that is too long
        raise ValueError(f"The timeline cannot go to {target}: {error.strerror}.") from None


def write(report: Report, path: str | Path, detail: Detail | None = None) -> None:
    """Write the timeline as the picture or the page that the path's suffix asks for.

    Raises ValueError, with the sentence to show, when it cannot be written.
    """
    check(path)
    target = Path(path)
    draw = as_svg if target.suffix.lower() == ".svg" else as_html
    try:
        target.write_text(draw(report, detail), encoding="utf-8")
    except OSError as error:
        raise ValueError(f"The timeline cannot go to {target}: {error.strerror}.") from error


class _Timeline:
    """The chart in characters; plain ASCII where the terminal knows no others."""

    def __init__(self, chart: Chart, width: int) -> None:
        self.chart = chart
        self.width = width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = ASCII_MARKS if options.ascii_only else MARKS
        yield Constrain(self._bars(marks), self.width)
        for note in self._notes(marks):
            yield Constrain(note, self.width)

    def _bars(self, marks: Mapping[str, str]) -> Table:
        names = min(self.chart.longest_name, LONGEST_NAME) + 2
        columns = self.chart.fitting(self.width - names - 2 - SHORTEST_BAR, gap=2)
        wall = self.chart.timing["wall_s"]
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True, max_width=names)
        table.add_column(no_wrap=True, ratio=1)
        for _ in columns:
            table.add_column(justify="right", no_wrap=True)
        table.add_row("", "", *(Text(column.title, "dim") for column in columns))
        for row in self.chart.shown:
            style = "" if row.is_branch else "dim"
            cells = (Text(column.cell(row), style) for column in columns)
            table.add_row(_name(row, marks), _Strip(partial(_bar, row, wall)), *cells)
        if self.chart.rest:
            strip = _Strip(partial(_together, self.chart))
            peak = Text(f"at most {self.chart.peak}", "dim")
            table.add_row(Text(f"  {AT_ONCE}", "dim"), strip, peak)
        table.add_row("", _Strip(partial(_axis, wall)))
        return table

    def _notes(self, marks: Mapping[str, str]) -> Iterator[Text]:
        if self.chart.rest:
            yield Text(self.chart.rest, "dim")
        yield Text()
        for reason, names in list(self.chart.reasons().items())[:MOST_REASONS]:
            yield Text.assemble((f"{marks['failed']} {some(names)}", "red"), "  ", reason)
        yield Text(self.chart.totals, "bold")
        if self.chart.spent:
            yield Text(self.chart.spent, "dim")


def _name(row: Row, marks: Mapping[str, str]) -> Text:
    if not row.is_branch:
        return Text(f"  {row.name}", "dim")
    mark = (marks["failed"], "red") if row.failed else (marks["ok"], "green")
    return Text.assemble(mark, " ", row.name)


@dataclass(frozen=True)
class _Strip:
    """Characters that fill whatever width is left for the time axis."""

    draw: Callable[[int, bool], Text]
    """Given the width, and whether to keep to ASCII."""

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.draw(options.max_width, options.ascii_only)


def _bar(row: Row, wall: float, width: int, ascii_only: bool) -> Text:
    """Draw when a row was worked on, to half a character."""
    line = {(True, True): "━", (True, False): "╸", (False, True): "╺", (False, False): " "}
    halves = [""] * (2 * width)
    for piece in row.part["pieces"]:
        first = min(int(_share(piece["start_s"], wall) * len(halves)), len(halves) - 1)
        last = max(first + 1, round(_share(piece["end_s"], wall) * len(halves)))
        colour = "red" if piece["status"] == "failed" else "cyan"
        halves[first:last] = [colour if row.is_branch else "bright_black"] * (last - first)
    text = Text()
    for left, right in zip(halves[::2], halves[1::2], strict=True):
        character = line[bool(left), bool(right)]
        text.append("=" if ascii_only and character != " " else character, left or right)
    return text


def _axis(wall: float, width: int, ascii_only: bool) -> Text:
    """Write the seconds under their places, as many as there is room for."""
    line = ""
    for moment in ticks(wall, max(1, width // 8)):
        label = tick(moment, wall)
        middle = round(_share(moment, wall) * width)
        place = min(max(0, middle - len(label) // 2), width - len(label))
        if place > len(line) or not line:
            line = line.ljust(place) + label
    return Text(line, "dim")


def _together(chart: Chart, width: int, ascii_only: bool) -> Text:
    """Draw how many branches ran at once: the most in the time of each character."""
    levels = " .:-=+*#%" if ascii_only else " ▁▂▃▄▅▆▇█"
    most = [0] * width
    running = 0
    column = 0
    for moment, number in chart.together():
        here = min(int(_share(moment, chart.timing["wall_s"]) * width), width - 1)
        for passed in range(column, here + 1):
            most[passed] = max(most[passed], running)
        most[here] = max(most[here], number)
        running, column = number, here + 1 if number == 0 else here
    top = len(levels) - 1
    return Text("".join(levels[math.ceil(top * number / chart.peak)] for number in most), "cyan")


def _share(moment: float, wall: float) -> float:
    return moment / wall if wall else 0.0
