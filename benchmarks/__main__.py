"""Measure everything in one run, each section in a process of its own; write results.md.

`python -m benchmarks` measures all sections; `python -m benchmarks width runs` measures these two
and prints them, but writes nothing.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

from benchmarks import plot, report
from benchmarks.measuring import Section

SECTIONS = (
    "width",
    "runs",
    "resume",
    "uneven",
    "hedging",
    "scale",
    "kept",
    "cluster",
    "startup",
    "comparing",
)


def main() -> int:
    """Measure; return 1 when a target was missed."""
    match sys.argv[1:]:
        case ["--section", name]:
            made: Section = importlib.import_module(f"benchmarks.{name}").measure()
            print(json.dumps(made.as_json()))
            return 0
        case names if unknown := set(names) - set(SECTIONS):
            print(f"There is no section {min(unknown)}; there are {', '.join(SECTIONS)}.")
            return 2
        case names:
            sections = [_section(name) for name in names or SECTIONS]
    if not names:
        report.write(sections)
        plot.draw(sections[0].series, report.PLOT)
    missed = [t for section in sections for t in section.targets if not t.held()]
    for target in missed:
        print(f"missed: {target.what}: {target.value:.2f}")
    return 1 if missed else 0


def _section(name: str) -> Section:
    """Measure in another process, whose memory and event loop nothing else has touched."""
    console, begun = Console(), time.monotonic()
    command = [sys.executable, "-m", "benchmarks", "--section", name]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    section = Section.from_json(json.loads(made.splitlines()[-1]))
    table = Table(*section.columns, title=section.title, title_justify="left")
    for row in section.rows:
        table.add_row(*row)
    console.print(table)
    console.print(f"[dim]{name}: {time.monotonic() - begun:.0f} s[/dim]\n")
    return section


if __name__ == "__main__":
    sys.exit(main())
