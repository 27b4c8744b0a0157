"""A run as rows and columns: what is told, and what is left out."""

from __future__ import annotations

import pytest
from support.reports import asked, charted, failure, report, span

from runner import picture
from runner.chart import MOST_ROWS, chart, tick, ticks


def test_rows_come_in_the_order_of_their_start_with_the_nodes_between_them() -> None:
    spans = [
        span("b", 1, 3),
        span("split", 0, 1, node="split"),
        span("a", 1.5, 2),
        span("aggregate", 3, 4, node="aggregate"),
    ]
    rows = charted(spans).rows
    assert [row.name for row in rows] == ["split", "b", "a", "aggregate"]
    assert [row.is_branch for row in rows] == [False, True, True, False]


def test_the_wait_between_two_rounds_is_no_work() -> None:
    spans = [span("a", 0, 1, status="failed"), span("a", 2, 4), span("b", 0, 4)]
    row = next(row for row in charted(spans).rows if row.name == "a")
    assert row.time == pytest.approx(3)
    assert not row.failed


def test_only_columns_that_tell_the_rows_apart_are_there() -> None:
    assert [c.title for c in charted([span("a", 0, 1)]).columns] == ["time"]
    told = charted([span("a", 0, 2, attempts=2, first_token=0.5, **asked(10, 4)), span("b", 0, 1)])
    a, b = told.rows
    assert {c.title: c.cell(a) for c in told.columns} == {
        "time": "2.00 s",
        "attempts": "2",
        "tokens in": "10",
        "out": "4",
        "cost": "$0.0000",
        "calls": "1",
        "first token": "0.50 s",
    }
    assert {c.title: c.cell(b) for c in told.columns}["cost"] == ""


def test_a_node_shows_only_the_figures_that_say_something() -> None:
    told = charted([span("a", 0, 1, **asked(5, 5)), span("aggregate", 1, 2, node="aggregate")])
    node = told.rows[1]
    cells = {column.title: column.cell(node) for column in told.columns}
    assert cells == {"time": "1.00 s", "tokens in": "", "out": "", "cost": "", "calls": ""}


def test_the_totals_say_what_running_in_parallel_gained() -> None:
    told = charted([span("a", 0, 1), span("b", 0, 2)])
    assert told.totals == "2 branches, 3.00 s of work in 2.00 s: 1.50 x (limit 1.50 x)"
    assert told.limit == pytest.approx(1.5)


def test_a_run_that_hardly_had_branches_boasts_of_no_speed_up() -> None:
    spans = [
        span("split", 0, 1, node="split"),
        span("a", 1, 1.01),
        span("b", 1, 1.01),
        span("aggregate", 1.01, 2, node="aggregate"),
    ]
    told = charted(spans).totals
    assert told == (
        "2 branches, 0.02 s of work in 2.00 s, most of which went before and after the branches"
    )
    assert "×" not in picture.svg(charted(spans))


def test_a_run_that_did_nothing_has_no_limit_and_no_peak() -> None:
    told = charted([])
    assert told.totals == "0 branches, 0.00 s of work in 0.00 s"
    assert (told.limit, told.peak, told.longest_name, told.spent) == (0.0, 0, 0, "")
    assert list(told.shown) == []


def test_what_the_models_took_is_added_up_with_its_price_where_all_prices_are_known() -> None:
    spans = [span("a", 0, 1, **asked(1_000_000, 0)), span("b", 0, 1, **asked(500_000, 1, 2))]
    assert charted(spans).spent == "3 model calls, 1,500,000 tokens in, 1 out, $1.50"
    spans.append(span("c", 0, 1, usage={"dear": {"calls": 1, "input": 1, "output": 1}}))
    assert charted(spans).spent == "4 model calls, 1,500,001 tokens in, 2 out"


def test_a_failed_branch_has_its_reason_and_equal_reasons_are_told_once() -> None:
    spans = [span(name, 0, 1, status="failed") for name in "ab"] + [span("c", 0, 1)]
    failures = {name: failure("the\nserver\x1b[31m broke") for name in "abc"}
    told = charted(spans, failures)
    assert told.reasons() == {"Error: the server broke": ["a", "b"]}


def test_of_many_branches_the_longest_and_half_of_the_room_for_the_failed_are_shown() -> None:
    good = [span(f"good {n}", 0, n + 1) for n in range(500)]
    bad = [span(f"bad {n}", 0, 0.1, status="failed") for n in range(500)]
    told = charted([*good, *bad])
    names = {row.name for row in told.shown}
    assert len(told.rows) == 1_000
    assert len(names) == MOST_ROWS
    assert sum(name.startswith("bad") for name in names) == MOST_ROWS // 2
    assert {f"good {n}" for n in range(485, 500)} < names
    assert told.rest == "970 more not shown, 485 of them failed"
    assert told.peak == 1_000


def test_how_many_ran_at_once_is_told_from_moment_to_moment() -> None:
    told = charted([span("a", 0, 2), span("b", 1, 3), span("aggregate", 3, 4, node="aggregate")])
    assert told.together() == [(0.0, 1), (1.0, 2), (2.0, 1), (3.0, 0)]
    assert told.peak == 2


def test_a_report_without_details_is_drawn_from_what_it_has() -> None:
    [row] = chart(report([span("a", 0, 1, **asked(3, 4))])).rows
    assert [(piece["start_s"], piece["end_s"]) for piece in row.part["pieces"]] == [(0.0, 1.0)]
    assert row.part["tokens"] == {"input": 3, "output": 4}


def test_columns_are_left_out_from_the_right_where_there_is_no_room() -> None:
    told = charted([span("a", 0, 1, attempts=2, **asked(3, 4))])
    assert [column.title for column in told.fitting(18, gap=2)] == ["time", "attempts"]
    assert [column.title for column in told.fitting(17, gap=2)] == ["time"]
    assert told.fitting(0, gap=2) == {}


@pytest.mark.parametrize(
    ("length", "last", "label"),
    [
        (0, 0.0, "0 s"),
        (-1, 0.0, "0 s"),
        (0.004, 0.004, "0.004 s"),
        (1, 1.0, "1 s"),
        (7, 6.0, "6 s"),
        (119, 100.0, "100 s"),
        (600, 600.0, "10:00"),
        (86_400, 76_800.0, "1280:00"),
    ],
)
def test_an_axis_is_marked_at_round_seconds_and_at_few_of_them(
    length: float, last: float, label: str
) -> None:
    marks = ticks(length)
    assert marks[0] == 0
    assert len(marks) <= 7
    assert marks[-1] == pytest.approx(last)
    assert tick(marks[-1], length) == label


@pytest.mark.parametrize("most", [1, 6, 40])
@pytest.mark.parametrize("length", [1e-6, 0.3, 59, 61, 3_599, 1e7])
def test_no_axis_is_crowded_or_longer_than_the_run(length: float, most: int) -> None:
    marks = ticks(length, most)
    assert 1 <= len(marks) <= most + 1
    assert all(0 <= mark <= length * (1 + 1e-6) for mark in marks)
