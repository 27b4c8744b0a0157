"""Tell how a run ended: as JSON to programs, in words to people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

from graphs.inputs import field_names
from runner import timeline
from runner.errors import Trouble, explain
from runner.report import Ended, Question, Report, offered
from runner.result import result, value
from runner.timing import Detail
from runner.words import plain

STYLES = {"complete": "green", "partial": "yellow", "paused": "yellow"}
CHOICES = {
    "retry": "Run again what failed",
    "accept": "go on with what succeeded",
    "abort": "or end the run",
}
OFFLINE = "Offline model; OPENAI_API_KEY or OPENAI_BASE_URL brings in a real one."


def terminal(*, stderr: bool = False) -> Console:
    """Return a console that takes nothing in a text for markup."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Print a value as JSON, in UTF-8 whatever the terminal's encoding is."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def tell(ended: Ended, as_json: bool, picture: Path | None = None) -> int:
    """Print how a run ended, write its picture, and return the exit status."""
    report = ended.report
    if as_json:
        print_json(report)
    else:
        _show(ended, terminal())
    if picture is not None:
        _draw(ended, picture)
    if ended.error is not None:
        why = plain(explain(ended.error)[0], 2000).rstrip(".")
        print(f"braid: {why}; what had finished is kept: {_resume(report)}", file=sys.stderr)
    return ended.exit_status


def _draw(ended: Ended, picture: Path) -> None:
    try:
        timeline.write(ended.report, picture, ended.detail)
    except ValueError as error:
        raise Trouble(str(error)) from None


def _show(ended: Ended, console: Console) -> None:
    report = ended.report
    status = report["status"]
    console.print(
        Text(plain(report["workflow"]), "bold"),
        Text(status, STYLES.get(status, "red")),
        Text(f"model: {plain(report['model'])}", "dim"),
        sep="  ",
    )
    if report["output"]:
        console.print(result(report["output"], field_names(ended.workflow.input)))
    if report["timing"]["branches"]:
        console.print()
        console.print(timeline.as_text(report, console.width, ended.detail))
    console.print()
    if report["model"] == "offline" and _asked_a_model(ended.detail):
        console.print(OFFLINE, style="dim")
    for line in _next_steps(report):
        console.print(line, soft_wrap=True)


def _asked_a_model(detail: Detail) -> bool:
    parts = [*detail["branches"].values(), *detail["nodes"].values()]
    return any(part["calls"] for part in parts)


def _next_steps(report: Report) -> Iterator[RenderableType]:
    """Say what can be done with the thread now."""
    again = _resume(report)
    if report["status"] == "failed":
        return  # stderr says what is to be done
    if report["status"] != "paused":
        yield Text(f"See this again:  {again}", "dim")
        if report["status"] == "partial":
            yield Text(f"Complete it:     {again} --retry", "dim")
    else:
        yield from _ways_to_answer(report["interrupts"], again)


def _ways_to_answer(questions: Sequence[Question], again: str) -> Iterator[RenderableType]:
    if choices := offered(questions[0]["value"]):
        # The timeline has named the errors that follow in the reason.
        yield Text(plain(questions[0]["value"]["reason"].partition(". ")[0]))
        yield Text(f"{', '.join(CHOICES[choice] for choice in choices)}:")
        for choice in choices:
            yield Text(f"  {again} --{choice}")
        return
    for question in questions:
        yield Text("The workflow asks:", "bold")
        yield value(question["value"])
    yield Text()
    yield Text(f"Answer:  {again} --answer JSON")


def _resume(report: Report) -> str:
    return f"braid resume {report['thread_id']}"
