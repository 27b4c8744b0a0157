"""Show a chart as an HTML page that stands alone: the picture, then a table of every row."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from runner import picture
from runner.chart import Chart
from runner.words import seconds

STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 900px; padding: 24px 20px 48px; background: #f6f8fa;
  color: #1f2328; font: 14px/1.5 ui-sans-serif, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; }
svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; margin-top: 24px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 12px 6px 0; text-align: right; border-bottom: 1px solid #d1d9e0;
  white-space: nowrap; vertical-align: top; }
th { font-weight: 500; color: #59636e; }
th:first-child, td:first-child, .reason { text-align: left; }
.reason { white-space: normal; min-width: 14em; }
td.failed { color: #d1242f; }
footer { margin-top: 16px; color: #59636e; font-size: 12px; }
@media (prefers-color-scheme: dark) {
  body { background: #010409; color: #e6edf3; }
  th, td { border-color: #2a313c; }
  th, footer { color: #9198a1; }
  td.failed { color: #f85149; }
}
"""


def html(chart: Chart) -> str:
    """Return the chart as an HTML document: the picture, then a table of every row."""
    root = Element("html", lang="en")
    head = SubElement(root, "head")
    SubElement(head, "meta", charset="utf-8")
    # Names and messages are strangers' text: even a mistake above must not let them run.
    policy = {"http-equiv": "Content-Security-Policy"}
    SubElement(head, "meta", policy, content="default-src 'none'; style-src 'unsafe-inline'")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "title").text = f"{chart.title} · Braid"
    SubElement(head, "style").text = STYLE
    main = SubElement(SubElement(root, "body"), "main")
    main.append(picture.element(chart))
    _table(SubElement(main, "div", {"class": "scroll"}), chart)
    SubElement(main, "footer").text = (
        f"{chart.status} · model: {chart.model} · thread {chart.thread} · "
        "Time in which nothing ran is left out."
    )
    return "<!doctype html>\n" + ElementTree.tostring(root, encoding="unicode", method="html")


def _table(parent: Element, chart: Chart) -> None:
    table = SubElement(parent, "table")
    heads = ["branch", "status", "start", *(column.title for column in chart.columns)]
    with_reasons = any(row.reason for row in chart.rows)
    line = SubElement(SubElement(table, "thead"), "tr")
    for head in [*heads, "reason"] if with_reasons else heads:
        _cell(line, "th", head, "reason" if head == "reason" else "")
    body = SubElement(table, "tbody")
    for row in chart.rows:
        line = SubElement(body, "tr")
        _cell(line, "td", row.name)
        _cell(line, "td", row.part["status"], row.part["status"])
        _cell(line, "td", seconds(row.part["start_s"]))
        for column in chart.columns:
            _cell(line, "td", column.cell(row))
        if with_reasons:
            _cell(line, "td", row.reason, "reason")


def _cell(line: Element, tag: str, text: str, css: str = "") -> None:
    SubElement(line, tag, {"class": css} if css else {}).text = text
