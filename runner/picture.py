"""Draw a chart as an SVG picture.

It is built as an element tree, so that no text can become markup, and stands alone: no scripts,
no fonts, nothing fetched. In an `<img>` it cannot see the colours of the page around it, so it
brings its own background and follows the reader's preference for light or dark by itself.
"""

from __future__ import annotations

import math
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from rich.cells import cell_len, set_cell_size

from runner.chart import AT_ONCE, Chart, Column, Row, tick, ticks
from runner.words import plain, seconds, some

WIDTH = 860
MARGIN = 28
ROW = 28
BAR = 14
GAP = 18
SHORTEST_AXIS = 320
CHARACTER = 7.4
"""Pixels that a character takes at most, on average, in the fonts of the style."""
LONGEST_NAME = 26
MOST_REASONS = 5

STYLE = """
.braid { font: 13px ui-sans-serif, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial,
  sans-serif; font-variant-numeric: tabular-nums; }
.braid .surface { fill: #ffffff; stroke: #d1d9e0; }
.braid text { fill: #1f2328; }
.braid .title { font-size: 18px; font-weight: 600; }
.braid .speedup { font-size: 26px; font-weight: 600; fill: #0969da; }
.braid .quiet { fill: #59636e; }
.braid .small { font-size: 11px; }
.braid .grid { stroke: #d1d9e0; stroke-width: 1; }
.braid .track { fill: #f3f5f8; }
.braid .ok { fill: #2f81f7; }
.braid .failed { fill: #d1242f; }
.braid .node { fill: #9aa4af; }
.braid .mark { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.braid .mark.ok { stroke: #1a7f37; }
.braid .mark.failed { stroke: #d1242f; }
@media (prefers-color-scheme: dark) {
  .braid .surface { fill: #0d1117; stroke: #3d444d; }
  .braid text { fill: #e6edf3; }
  .braid .speedup { fill: #58a6ff; }
  .braid .quiet { fill: #9198a1; }
  .braid .grid { stroke: #2a313c; }
  .braid .track { fill: #161b22; }
  .braid .ok { fill: #388bfd; }
  .braid .failed { fill: #f85149; }
  .braid .node { fill: #6e7681; }
  .braid .mark { fill: none; }
  .braid .mark.ok { stroke: #3fb950; }
  .braid .mark.failed { stroke: #f85149; }
}
"""


def svg(chart: Chart) -> str:
    """Return the chart as an SVG document."""
    return ElementTree.tostring(element(chart), encoding="unicode") + "\n"


def element(chart: Chart) -> Element:
    """Return the chart as an SVG element."""
    return _Picture(chart).root


class _Picture:
    """An SVG under construction, from the title down."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        names = min(chart.longest_name, LONGEST_NAME)
        self.left = round(MARGIN + 18 + names * CHARACTER + GAP)
        self.right = WIDTH - MARGIN
        room = (self.right - self.left - SHORTEST_AXIS) / CHARACTER
        gap = math.ceil(GAP / CHARACTER)
        self.edges: dict[Column, int] = {}
        for column, width in reversed(chart.fitting(math.floor(room), gap).items()):
            self.edges[column] = self.right
            self.right -= round((width + gap) * CHARACTER)
        self.root = Element("svg", {"class": "braid", "role": "img"})
        self.y = 0
        self._draw()

    def _draw(self) -> None:
        self._describe()
        surface = self._rect("surface", 0, WIDTH - 1, 0, radius=8)
        self._heading()
        grid = SubElement(self.root, "g")
        top = self.y
        for row in self.chart.shown:
            self._row(row)
        if self.chart.rest:
            self._together()
        self._axis(grid, top)
        self._notes()
        height = self.y + MARGIN - 8
        surface.set("height", str(height - 1))
        self.root.set("xmlns", "http://www.w3.org/2000/svg")
        self.root.set("viewBox", f"-0.5 -0.5 {WIDTH} {height}")
        self.root.set("width", str(WIDTH))
        self.root.set("height", str(height))

    def _describe(self) -> None:
        """Say in words what the picture shows, for those who do not see it."""
        chart = self.chart
        self.root.set("aria-labelledby", "braid-title braid-description")
        SubElement(self.root, "title", id="braid-title").text = f"Timeline of {chart.title}"
        rows = "; ".join(
            f"{row.name} {row.part['status']} from {seconds(row.part['start_s'])} "
            f"to {seconds(row.part['end_s'])}"
            for row in chart.shown
        )
        rest = f" ({chart.rest})" if chart.rest else ""
        words = f"{chart.totals}. {rows}{rest}."
        SubElement(self.root, "desc", id="braid-description").text = words
        SubElement(self.root, "style").text = STYLE

    def _heading(self) -> None:
        chart = self.chart
        edge = WIDTH - MARGIN
        self._text(MARGIN, 42, chart.title, "title")
        self._text(MARGIN, 64, f"{chart.work} · {chart.status} · model: {chart.model}", "quiet")
        if chart.limit and not chart.mostly_elsewhere:
            self._text(edge, 44, f"{chart.timing['speedup']:.2f} ×", "speedup", "end")
            self._text(edge, 64, f"limit {chart.limit:.2f} ×", "quiet", "end")
        for column, x in self.edges.items():
            self._text(x, 100, column.title, "quiet small", "end")
        self.y = 110

    def _row(self, row: Row) -> None:
        middle = self.y + ROW / 2
        if row.is_branch:
            self._mark(row.failed, middle)
        self._name(row.name, "" if row.is_branch else "quiet")
        self._rect("track", self.left, self.right - self.left, middle - BAR / 2)
        for piece in row.part["pieces"]:
            start = self._x(piece["start_s"])
            # A hair's breadth less, so that steps that follow one another can be told apart.
            width = max(self._x(piece["end_s"]) - start - 1, 2)
            kind = piece["status"] if row.is_branch else "node"
            bar = self._rect(kind, min(start, self.right - 2), width, middle - BAR / 2)
            step = f"{plain(piece['step'], 60)}: " if piece["step"] else ""
            time = seconds(piece["end_s"] - piece["start_s"])
            SubElement(bar, "title").text = f"{row.name}, {step}{time}, {piece['status']}"
        for column, x in self.edges.items():
            self._text(x, middle + 4.5, column.cell(row), "" if row.is_branch else "quiet", "end")
        self.y += ROW

    def _together(self) -> None:
        """Draw how many branches ran at once, as the area under a curve of steps."""
        bottom, height = self.y + ROW, ROW - 8
        path = [f"M{self.left} {bottom}"]
        for moment, number in self.chart.together():
            level = bottom - height * number / self.chart.peak
            path.append(f"H{self._x(moment):.2f}V{level:.2f}")
        path.append(f"V{bottom}Z")
        SubElement(self.root, "path", {"class": "ok", "d": "".join(path)})
        self._name(AT_ONCE, "quiet")
        at_most = f"at most {self.chart.peak:,}"
        self._text(self.right + GAP, self.y + ROW / 2 + 4.5, at_most, "quiet")
        self.y += ROW + 6

    def _axis(self, grid: Element, top: int) -> None:
        wall = self.chart.timing["wall_s"]
        for moment in ticks(wall):
            x = self._x(moment)
            place = {"x1": f"{x:.1f}", "x2": f"{x:.1f}", "y1": str(top), "y2": str(self.y + 4)}
            SubElement(grid, "line", {"class": "grid", **place})
            self._text(x, self.y + 18, tick(moment, wall), "quiet small", "middle")
        self.y += 26

    def _notes(self) -> None:
        notes = [self.chart.rest] if self.chart.rest else []
        reasons = list(self.chart.reasons().items())[:MOST_REASONS]
        notes += [f"{some(names)}: {reason}" for reason, names in reasons]
        for note in [*notes, self.chart.spent]:
            if note:
                self._text(MARGIN, self.y + 14, _clip(note, 110), "quiet")
                self.y += 20

    def _mark(self, failed: bool, middle: float) -> None:
        """Draw a check or a cross, which tell more eyes than green and red do."""
        x, y = MARGIN, middle
        check = f"M{x} {y + 0.5}l3.5 3.5l6.5 -8"
        cross = f"M{x + 1} {y - 4}l8 8m0 -8l-8 8"
        attributes = {"class": f"mark {'failed' if failed else 'ok'}"}
        SubElement(self.root, "path", attributes, d=cross if failed else check)

    def _name(self, name: str, css: str) -> None:
        # A viewport of its own cuts off a name that is wider than its letters let expect.
        room = {"x": str(MARGIN + 18), "width": str(self.left - MARGIN - 18 - 4)}
        column = SubElement(self.root, "svg", room, y=str(self.y), height=str(ROW))
        label = SubElement(column, "text", {"class": css, "x": "0", "y": str(ROW / 2 + 4.5)})
        label.text = _clip(name, LONGEST_NAME)

    def _x(self, moment: float) -> float:
        wall = self.chart.timing["wall_s"]
        share = moment / wall if wall else 0.0
        return self.left + share * (self.right - self.left)

    def _rect(self, css: str, x: float, width: float, y: float, radius: int = 3) -> Element:
        place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": str(BAR)}
        return SubElement(self.root, "rect", {"class": css, **place, "rx": str(radius)})

    def _text(self, x: float, y: float, text: str, css: str, anchor: str = "start") -> None:
        place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
        SubElement(self.root, "text", {"class": css, **place}).text = text


def _clip(text: str, cells: int) -> str:
    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1).rstrip() + "…"
