"""What is shown while a run goes on."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from runner.lanes import Lanes


def event(name: str, ev: str, **more: Any) -> dict[str, Any]:
    return {"braid": name, "node": name, "ev": ev, "t": 1.0, "attempt": 1, **more}


def test_without_a_terminal_each_ended_branch_is_one_plain_line() -> None:
    out = io.StringIO()
    with Lanes("kit", ["title", "body"], Console(file=out, width=80)) as lanes:
        lanes.event(event("title", "start"))
        lanes.event(event("title", "end", status="failed", will_retry=True))
        lanes.event(event("title", "start", attempt=2))
        lanes.event(event("title", "end", attempt=2, status="failed"))
        lanes.event(event("body", "start"))
        lanes.event(event("body", "end", status="ok"))
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert "title" in lines[0]
    assert "failed after 2 attempts" in lines[0]
    assert "\x1b" not in out.getvalue()


def test_a_name_cannot_draw_on_the_terminal() -> None:
    out = io.StringIO()
    hostile = "[red]x[/red]\x1b[2J\n"
    with Lanes("kit", None, Console(file=out, width=80)) as lanes:
        lanes.event({**event(hostile, "start"), "node": "worker"})
        lanes.event({**event(hostile, "end", status="ok"), "node": "worker"})
    assert "\x1b" not in out.getvalue()
    assert "[red]x[/red]" in out.getvalue()


def test_a_terminal_shows_every_lane() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    with Lanes("kit", ["title", "body"], console) as lanes:
        lanes.event(event("title", "start"))
        lanes.tokens("title", 3)
    assert "title" in out.getvalue()
    assert "3 tokens" in out.getvalue()
    assert "waiting" in out.getvalue()


def test_of_many_items_some_are_drawn_and_all_are_counted() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, height=20, force_terminal=True, color_system=None)
    with Lanes("feedback", None, console) as lanes:
        for number in range(1_000):
            lanes.event({**event(f"line {number}", "start"), "node": "worker"})
        for number in range(600):
            status = "ok" if number else "failed"
            ended = event(f"line {number}", "end", status=status, attempt=3)
            lanes.event({**ended, "node": "worker"})
    last = out.getvalue().rpartition("feedback")[2]
    assert "599 items done, 1 failed" in last
    assert "and 385 more" in last
    assert last.count("line ") == 15


def test_a_lane_that_tries_again_or_asks_says_so() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    with Lanes("kit", ["a", "b"], console) as lanes:
        lanes.event(event("a", "start"))
        lanes.event(event("a", "end", status="failed", will_retry=True))
        lanes.event(event("b", "start", attempt=2))
        lanes.event(event("b", "end", attempt=2, status="paused"))
        lanes.tokens("nobody", 5)
    assert "attempt 2 follows" in out.getvalue()
    assert "asks a question" in out.getvalue()
