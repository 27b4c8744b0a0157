"""`benchmarks/results.md`: written from what was measured, read by the documentation."""

from __future__ import annotations

import datetime
import os
import platform
import re
import sqlite3
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measuring import Section, Target

FILE = Path(__file__).with_name("results.md")
PLOT = Path(__file__).with_name("width.svg")
PACKAGES = (
    "langgraph",
    "langgraph-checkpoint",
    "langgraph-checkpoint-sqlite",
    "langgraph-checkpoint-postgres",
    "langchain-core",
    "pydantic-graph",
    "llama-index-workflows",
    "dbos",
    "distributed",
)


def write(sections: Sequence[Section]) -> None:
    """Write all that was measured in one run."""
    parts = [
        "# Measured",
        "Written by `make bench`: one run on one machine. Other machines have other times; the "
        "ratios travel better.",
        _block("targets", "What is promised", "", _targets(sections)),
        *(_block(each.name, each.title, each.note, _table(each)) for each in sections),
        _block("machine", "Machine and versions", "", _machine()),
    ]
    FILE.write_text("\n\n".join(parts) + "\n")


def blocks(text: str) -> dict[str, str]:
    """Return the marked tables by name."""
    return dict(re.findall(r"<!-- bench:(\w+) -->\n(.*?)\n<!-- /bench -->", text, flags=re.DOTALL))


def copied(text: str, results: str) -> str:
    """Return a document with every marked table as the results have it."""
    found = blocks(results)
    return re.sub(
        r"(<!-- bench:(\w+) -->\n).*?(<!-- /bench -->)",
        lambda match: f"{match[1]}{found[match[2]]}\n{match[3]}",
        text,
        flags=re.DOTALL,
    )


def _block(name: str, title: str, note: str, table: str) -> str:
    said = f"{note}\n\n" if note else ""
    return f"## {title}\n\n{said}<!-- bench:{name} -->\n{table}\n<!-- /bench -->"


def _table(section: Section) -> str:
    return _rows(section.columns, section.rows)


def _rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    aligned = ["---"] + ["--:"] * (len(columns) - 1)
    lines = [columns, aligned, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _targets(sections: Sequence[Section]) -> str:
    targets = [target for section in sections for target in section.targets]
    return _rows(["", "promised", "measured", ""], [_target(target) for target in targets])


def _target(target: Target) -> list[str]:
    bound = (
        f"at most {target.at_most:g}"
        if target.at_most is not None
        else f"at least {target.at_least:g}"
    )
    return [
        target.what,
        f"{bound} {target.unit}",
        f"{target.value:.2f} {target.unit}",
        "held" if target.held() else "**missed**",
    ]


def _machine() -> str:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    rows = [
        ["measured on", today],
        ["processor", f"{len(os.sched_getaffinity(0))} cores, {_processor()}"],
        ["system", f"{platform.system()} {platform.release().split('-')[0]}"],
        ["Python", platform.python_version()],
        ["SQLite", f"{sqlite3.sqlite_version}, WAL, synchronous=FULL"],
        *([name, _version(name)] for name in PACKAGES),
    ]
    return _rows(["", ""], rows)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*: (.*)$", text, flags=re.MULTILINE)
    return found[1] if found else platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
