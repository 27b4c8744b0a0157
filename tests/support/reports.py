"""Reports of runs that never were, from the spans that they would have left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.chart import Chart, chart
from runner.timing import detail, measure
from state import Failure, Span

PRICES: Any = {"m": {"input": 1.0, "output": 2.0}}


def span(name: str, start: float, end: float, **more: Any) -> Span:
    """Return one span of a branch, `ok` unless told; times are in seconds."""
    made: Any = {"name": name, "node": name, "start": start, "end": end}
    return {**made, "status": "ok", "attempts": 1, **more}


def asked(input: int, output: int, calls: int = 1) -> dict[str, Any]:
    """Return what a span keeps of the requests to the model `m`."""
    return {"usage": {"m": {"calls": calls, "input": input, "output": output}}}


def failure(message: str = "no luck") -> Failure:
    """Return why a branch failed."""
    made: Any = {"error_type": "Error", "message": message, "attempts": 1}
    return made


def report(
    spans: Sequence[Span], failures: Mapping[str, Failure] | None = None, **more: Any
) -> dict[str, Any]:
    """Return the object that `braid run --json` would print."""
    return {
        "workflow": "kit",
        "thread_id": "t",
        "status": "complete",
        "model": "m",
        "output": {},
        "failures": failures or {},
        "timing": measure(spans, prices=PRICES),
        **more,
    }


def charted(
    spans: Sequence[Span], failures: Mapping[str, Failure] | None = None, **more: Any
) -> Chart:
    """Return the chart of such a run."""
    return chart(report(spans, failures, **more), detail(spans, prices=PRICES))
