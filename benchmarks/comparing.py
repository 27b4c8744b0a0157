"""`braid compare` on every workflow, on its own example and the offline model."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from benchmarks.measuring import Section
from runner import catalogue

LATENCY = "0.2"
"""Seconds that the offline model takes for an answer, so that there is something to wait for."""


def measure() -> Section:
    """Compare each workflow's sequential and parallel run with what its longest branch allows."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "BRAID_"))}
    environment["BRAID_OFFLINE_LATENCY"] = LATENCY
    rows = []
    for entry in catalogue.entries():
        command = [sys.executable, "-m", "runner", "compare", entry.name, "--json"]
        made = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment
        ).stdout
        found = json.loads(made)
        parallel = found["parallel"]
        rows.append(
            [
                entry.name,
                str(len(parallel["branches"])),
                f"{found['sequential']['wall_s']:.2f} s",
                f"{parallel['wall_s']:.2f} s",
                f"{found['speedup']:.2f}",
                f"{found['limit']:.2f}",
            ]
        )
    return Section(
        name="compare",
        title="Every workflow, one branch at a time and all at once",
        note=(
            f"`braid compare` on each workflow's own example; the offline model takes {LATENCY} s "
            "for an answer. The limit is what the longest branch allows; work that is not "
            "branches (a plan, an aggregator that asks a model) counts in the times, not in the "
            "limit."
        ),
        columns=["workflow", "branches", "one at a time", "all at once", "speed-up", "limit"],
        rows=rows,
    )
