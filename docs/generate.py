"""Write the generated parts of the documentation: `make docs`.

The table of workflows comes from their declarations, the one of torture from docs/torture.md,
figures from benchmarks/results.md, the picture from a run that is measured.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import report  # noqa: E402 - also runs where Braid is not installed
from runner import catalogue  # noqa: E402


def table() -> str:
    """Return the table of workflows in Markdown."""
    rows = ["| workflow | pattern | branches | what it is for |", "|---|---|---|---|"]
    for found in catalogue.entries():
        branches = ", ".join(found.branches) if found.branches else "one per item"
        link = f"[`{found.name}`](graphs/{found.name}.py)"
        rows.append(f"| {link} | {found.pattern} | {branches} | {found.purpose} |")
    return "\n".join(rows)


DATABASES = {"SQLite": "sqlite", "PostgreSQL": "postgresql"}
TOLD = (
    "trials",
    "kills",
    "requests to the model",
    "unfinished runs",
    "runs whose aggregator did not complete and commit exactly once",
    "finished work executed again",
    "requests for work that was already committed",
    "work killed between its last line and its commit, executed again",
    "results that differ from the fault-free run",
)
"""What the README tells of docs/torture.md."""


def torture_table(page: str) -> str:
    """Return the totals of a page of torture in Markdown, a column for each database."""
    totals = {}
    for name, block in DATABASES.items():
        lines = _block(block, page).splitlines()
        cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
        totals[name] = {row[0]: row[-1] for row in cells}
    rows = ["| | " + " | ".join(totals) + " |", "|---|" + "---:|" * len(totals)]
    for name in TOLD:
        rows.append(f"| {name} | {' | '.join(found[name] for found in totals.values())} |")
    return "\n".join(rows)


def _block(name: str, page: str) -> str:
    """Return what stands between the marks of a generated block; nothing where there are none."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page, flags=re.DOTALL)
    return found[1] if found else ""


def with_block(name: str, made: str, page: str) -> str:
    """Return a page with what stands between the marks of a block made anew."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    return re.sub(pattern, lambda m: f"{m[1]}{made}\n{m[2]}", page, flags=re.DOTALL)


def with_table(readme: str) -> str:
    """Return the README with its tables made anew."""
    torture = (ROOT / "docs" / "torture.md").read_text()
    for name, made in {"workflows": table(), "torture": torture_table(torture)}.items():
        readme = with_block(name, made, readme)
    return readme


def pages() -> list[Path]:
    """Return what has figures that were measured."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def main() -> None:
    """Write all of them."""
    for page in pages():
        page.write_text(report.copied(page.read_text(), report.FILE.read_text()))
    readme = ROOT / "README.md"
    readme.write_text(with_table(readme.read_text()))
    run = [sys.executable, "-m", "runner", "run", "document_review", "--json"]
    run += ["--timeline", str(ROOT / "docs" / "timeline.svg")]
    subprocess.run(run, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
