"""The timeline as a page: the picture and a table of all rows, and no text that runs."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from support.reports import asked, charted, failure, span

from runner import page
from runner.chart import Chart


class Page(HTMLParser):
    """The elements of a page, as a browser finds them, and the cells of its table."""

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.rows: list[list[str]] = []
        self.feed(page.html(chart))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_the_table_has_every_row_and_tells_why_it_failed() -> None:
    spans = [span("a", 0, 1), span("b", 0.5, 2, status="failed", **asked(3, 4))]
    made = Page(charted(spans, {"b": failure("no luck")}))
    assert made.rows == [
        ["branch", "status", "start", "time", "tokens in", "out", "cost", "calls", "reason"],
        ["a", "ok", "0.00 s", "1.00 s", "0", "0", "", "0", ""],
        ["b", "failed", "0.50 s", "1.50 s", "3", "4", "$0.0000", "1", "Error: no luck"],
    ]


def test_without_failures_there_is_no_column_for_reasons() -> None:
    assert Page(charted([span("a", 0, 1)])).rows[0] == ["branch", "status", "start", "time"]


def test_what_the_picture_leaves_out_is_in_the_table() -> None:
    made = Page(charted([span(f"item {number}", 0, 1) for number in range(1_000)]))
    assert len(made.rows) == 1_001
    assert made.tags.count("svg") < 100


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "</style><script>alert(1)</script>",
        "</title></svg><img src=x onerror=alert(1)>",
        '"><iframe src=javascript:alert(1)>',
    ],
)
def test_no_text_becomes_markup(text: str) -> None:
    spans = [span(text, 0, 1, status="failed", step=text)]
    told = {"workflow": text, "model": text, "status": text, "thread_id": text}
    made = Page(charted(spans, {text: failure(text)}, **told))
    assert not {"script", "img", "iframe"} & set(made.tags)
    assert not any(name.startswith("on") for name, _ in made.attributes)
    assert made.rows[1][0] == text[:60]


def test_it_may_run_and_fetch_nothing() -> None:
    made = Page(charted([span("a", 0, 1)]))
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in made.attributes
    assert not {"src", "href"} & {name for name, _ in made.attributes}


def test_a_run_that_did_nothing_is_a_page_too() -> None:
    assert Page(charted([])).rows == [["branch", "status", "start"]]
