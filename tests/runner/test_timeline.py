"""The timeline on a terminal, and where its picture may be written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.reports import asked, failure, report, span

from runner import timeline
from runner.chart import MOST_ROWS
from runner.timing import detail


def drawn(
    spans: list[Any], failures: dict[str, Any] | None = None, width: int = 100, **console: Any
) -> list[str]:
    """Return the lines that a terminal of this width would show."""
    out = io.StringIO()
    terminal = Console(file=out, width=width, color_system=None, **console)
    terminal.print(timeline.as_text(report(spans, failures), width, detail(spans)))
    return out.getvalue().splitlines()


def line(lines: list[str], name: str) -> str:
    [found] = [each for each in lines if each[2:].startswith(name)]
    return found


def test_every_lane_is_a_line_with_its_bar_and_its_time() -> None:
    lines = drawn([span("a", 0, 1), span("b", 0, 2), span("aggregate", 2, 3, node="aggregate")])
    assert line(lines, "a ").startswith("✓ a")
    assert line(lines, "b ").endswith("2.00 s")
    assert line(lines, "aggregate").startswith("  aggregate")
    assert lines[-1] == "2 branches, 3.00 s of work in 3.00 s: 1.00 x (limit 1.50 x)"


def test_times_are_to_scale() -> None:
    lines = drawn([span("whole", 0, 8), span("late", 4, 8), span("early", 0, 2)])
    whole, late, early = (line(lines, name) for name in ("whole", "late", "early"))
    length = whole.count("━")
    assert late.count("━") == pytest.approx(length / 2, abs=1)
    assert early.count("━") == pytest.approx(length / 4, abs=1)
    assert late.index("━") == pytest.approx(whole.index("━") + length / 2, abs=1)
    assert early.index("━") == whole.index("━")


def test_a_failed_lane_is_marked_and_its_reason_is_told_once() -> None:
    spans = [span(name, 0, 1, status="failed") for name in ("a", "b", "c", "d", "e")]
    lines = drawn(spans, {each["name"]: failure("no luck") for each in spans})
    assert line(lines, "a ").startswith("✗ a")
    assert [each for each in lines if "no luck" in each] == ["✗ a, b, c and 2 more  Error: no luck"]


@pytest.mark.parametrize("width", [1, 12, 40, 80, 300])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    spans = [span("名前" * 30, 0, 1, attempts=12, first_token=0.1, **asked(10**9, 10**9))]
    spans += [span(f"item {number}", 0, number) for number in range(50)]
    assert all(len(each) <= width for each in drawn(spans, width=width))


def test_plain_ascii_is_enough() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    spans = [span("a", 0, 1), span("b", 0, 2, status="failed")]
    spans += [span(f"item {number}", 0, 1) for number in range(100)]
    terminal = Console(file=out, width=80, color_system=None)
    told = report(spans)
    terminal.print(timeline.as_text(told, 80, detail(spans)))
    out.flush()
    assert b"=" in out.buffer.getvalue()  # type: ignore[attr-defined]
    assert b"x b" in out.buffer.getvalue()  # type: ignore[attr-defined]


def test_of_a_thousand_lanes_some_are_shown_and_the_others_counted() -> None:
    spans = [span(f"item {number}", number / 100, number / 100 + 1) for number in range(1_000)]
    lines = drawn(spans)
    assert len(lines) < MOST_ROWS + 10
    assert "970 more not shown" in lines
    assert "at most 100" in line(lines, "at once")
    assert "█" in line(lines, "at once")


def test_how_many_ran_at_once_is_a_curve() -> None:
    spans = [span(f"a {n}", 0, 1) for n in range(40)] + [span(f"b {n}", 1, 2) for n in range(20)]
    curve = line(drawn(spans), "at once")
    assert curve.count("█") == pytest.approx(curve.count("▄"), abs=2)
    assert curve.index("█") < curve.index("▄")


@pytest.mark.parametrize(
    "spans",
    [[], [span("a", 0, 0)], [span("back in time", 5, 1)], [span("a", 0, 1e9)], [span("", 0, 1)]],
)
def test_whatever_was_measured_can_be_shown(spans: list[Any]) -> None:
    assert "branch" in drawn(spans)[-1]


def test_a_name_cannot_draw_on_the_terminal() -> None:
    whole = "\n".join(drawn([span("[red]x[/red]\x1b[2J\u202e\n", 0, 1)]))
    assert "[red]x[/red]" in whole
    assert not {"\x1b", "\u202e"} & set(whole)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("out.png", "is neither"),
        ("out", "is neither"),
        ("nowhere/out.svg", "there is no such folder"),
        ("folder.svg", "it is a folder"),
        ("x" * 300 + ".svg", "File name too long"),
    ],
)
def test_a_place_for_no_picture_is_told(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(ValueError, match=sentence):
        timeline.check(tmp_path / name)
    with pytest.raises(ValueError, match=sentence):
        timeline.write(report([]), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]


def test_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    (tmp_path / "full.html").symlink_to("/dev/full")
    with pytest.raises(ValueError, match=r"cannot go to .*full\.html: No space left on device"):
        timeline.write(report([span("a", 0, 1)]), tmp_path / "full.html")


@pytest.mark.parametrize(("name", "start"), [("a.svg", "<svg"), ("a.HTML", "<!doctype html>")])
def test_the_suffix_chooses_between_picture_and_page(tmp_path: Path, name: str, start: str) -> None:
    timeline.write(report([span("Ä", 0, 1)]), tmp_path / name)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith(start)
    assert "Ä" in text
