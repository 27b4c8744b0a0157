"""The timeline as a picture: every lane, to scale, and no text that could become markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from support.reports import asked, charted, failure, span

from runner import picture
from runner.chart import MOST_ROWS, Chart

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    "</svg><img src=x onerror=alert(1)>",
    "]]><!--",
    "&lt;b&gt; &amp; \"quotes\" 'too'",
    "\x1b[31mred\x1b[0m \x00\x08 \ufffe",
    "\u202egnp.exe",
    "\ud800 half a character",
    "名前" * 40,
]


def drawn(chart: Chart) -> Element:
    """Parse the picture, which must be XML in UTF-8."""
    return ElementTree.fromstring(picture.svg(chart).encode())


def texts(root: Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def bars(root: Element, *kinds: str) -> list[Element]:
    return [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") in kinds]


def length(bar: Element) -> tuple[float, float]:
    """Return where a bar begins and how long it is, in pixels."""
    return float(bar.get("x", "")), float(bar.get("width", ""))


def test_every_lane_is_there_with_its_name_its_bar_and_its_time() -> None:
    root = drawn(charted([span("a", 0, 1), span("b", 0, 2), span("c", 1, 2)]))
    assert {"a", "b", "c", "1.00 s", "2.00 s"} <= set(texts(root))
    assert len(bars(root, "ok")) == 3
    assert len(bars(root, "track")) == 3


def test_times_are_to_scale() -> None:
    root = drawn(charted([span("whole", 0, 10), span("half", 5, 10), span("tenth", 0, 1)]))
    track, whole = length(bars(root, "track")[0]), length(bars(root, "ok")[0])
    assert whole == pytest.approx((track[0], track[1] - 1), abs=0.2)
    by_name = {
        (bar.findtext(f"{SVG}title") or "").partition(",")[0]: length(bar)
        for bar in bars(root, "ok")
    }
    start, wide = track
    assert by_name["half"] == pytest.approx((start + wide / 2, wide / 2 - 1), abs=0.2)
    assert by_name["tenth"] == pytest.approx((start, wide / 10 - 1), abs=0.2)


def test_the_marks_of_the_axis_stand_where_their_seconds_are() -> None:
    root = drawn(charted([span("a", 0, 4)]))
    start, wide = length(bars(root, "track")[0])
    lines = [float(line.get("x1", "")) for line in root.iter(f"{SVG}line")]
    assert lines == pytest.approx([start + wide * second / 4 for second in range(5)], abs=0.1)
    assert [text for text in texts(root) if re.fullmatch(r"\d s", text)] == [
        f"{second} s" for second in range(5)
    ]


def test_a_failed_lane_is_red_crossed_and_says_why() -> None:
    spans = [span("good", 0, 1), span("bad", 0, 1, status="failed")]
    root = drawn(charted(spans, {"bad": failure("the server is away")}))
    assert len(bars(root, "ok")) == len(bars(root, "failed")) == 1
    marks = [path.get("class") for path in root.iter(f"{SVG}path")]
    assert sorted(map(str, marks)) == ["mark failed", "mark ok"]
    assert "bad: Error: the server is away" in texts(root)


def test_steps_are_bars_of_one_lane_that_can_be_told_apart() -> None:
    root = drawn(charted([span("a", 0, 1, step="search"), span("a", 1, 3, step="read")]))
    first, second = bars(root, "ok")
    assert len(bars(root, "track")) == 1
    assert sum(length(first)) < length(second)[0]
    assert first.findtext(f"{SVG}title") == "a, search: 1.00 s, ok"


def test_a_moment_is_drawn_as_something_that_can_be_seen() -> None:
    root = drawn(charted([span("long", 0, 3600), span("moment", 3600, 3600)]))
    right = sum(length(bars(root, "track")[0]))
    for bar in bars(root, "ok"):
        start, wide = length(bar)
        assert wide >= 2
        assert start + wide <= right + 0.2


def test_nodes_are_drawn_apart_from_branches() -> None:
    root = drawn(charted([span("a", 0, 1), span("aggregate", 1, 2, node="aggregate")]))
    assert len(bars(root, "node")) == 1
    assert len([path for path in root.iter(f"{SVG}path")]) == 1  # only branches are marked


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(text: str) -> None:
    spans = [span(text, 0, 1, status="failed", step=text, **asked(1, 1))]
    root = drawn(charted(spans, {text: failure(text)}, workflow=text, model=text, status=text))
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "path", "g", "line", "text"}
    assert not any(name.startswith("on") for each in root.iter() for name in each.attrib)
    whole = "".join(root.itertext())
    assert not any(char in whole for char in "\x00\x08\x1b\u202e\ufffe\ud800")


def test_it_stands_alone() -> None:
    markup = picture.svg(charted([span("a", 0, 1)]))
    assert markup.count("http") == 1  # the namespace
    assert "<script" not in markup
    assert "url(" not in markup
    assert "prefers-color-scheme: dark" in markup


def test_it_says_in_words_what_it_shows() -> None:
    root = drawn(charted([span("a", 0, 1), span("b", 0, 2, status="failed")]))
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Timeline of kit"
    described = root.findtext(f"{SVG}desc") or ""
    assert "a ok from 0.00 s to 1.00 s; b failed from 0.00 s to 2.00 s" in described


def test_a_run_that_did_nothing_is_a_picture_too() -> None:
    root = drawn(charted([]))
    assert "kit" in texts(root)
    assert bars(root, "ok", "failed", "node") == []
    assert "speedup" not in [text.get("class") for text in root.iter(f"{SVG}text")]


def test_one_branch_has_a_speed_up_of_one() -> None:
    assert "1.00 ×" in texts(drawn(charted([span("a", 5, 6)])))


def test_a_thousand_lanes_are_bounded_and_counted() -> None:
    spans = [span(f"item {number}", number / 100, number / 100 + 1) for number in range(1_000)]
    markup = picture.svg(charted(spans))
    root = ElementTree.fromstring(markup)
    assert len(bars(root, "track")) == MOST_ROWS
    assert len(markup) < 60_000
    assert "970 more not shown" in texts(root)
    assert "at most 100" in texts(root)
    assert float(root.get("height", "")) < 1_200


def places(root: Element) -> Iterator[float]:
    for element in root.iter():
        yield from (float(element.get(side, "0")) for side in ("x", "y", "width", "height"))


@pytest.mark.parametrize(
    "spans",
    [
        [span("a" * 500, 0, 1, attempts=99, first_token=0.1, **asked(10**9, 10**9, 10**6))],
        [span("back in time", 5, 1)],
        [span("a", 0, 1e9)],
        [span("a", 0, 1e-9), span("b", 0, 0)],
    ],
)
def test_whatever_was_measured_stays_within_the_picture(spans: list[object]) -> None:
    root = drawn(charted(spans))  # type: ignore[arg-type]
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert all(0 <= place <= max(width, height) for place in places(root))
    assert all(sum(length(bar)) <= width for bar in bars(root, "track", "ok"))
