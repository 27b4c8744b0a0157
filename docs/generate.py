"""Write the generated parts of the documentation: `make docs`.

The table of workflows comes from their declarations, the picture from a run that is measured.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from runner import catalogue  # noqa: E402 - also runs where Braid is not installed


def table() -> str:
    """Return the table of workflows in Markdown."""
    rows = ["| workflow | pattern | branches | what it is for |", "|---|---|---|---|"]
    for found in catalogue.entries():
        branches = ", ".join(found.branches) if found.branches else "one per item"
        link = f"[`{found.name}`](graphs/{found.name}.py)"
        rows.append(f"| {link} | {found.pattern} | {branches} | {found.purpose} |")
    return "\n".join(rows)


def with_table(readme: str) -> str:
    """Return the README with its table made anew."""
    pattern = r"(<!-- workflows -->\n).*?(<!-- /workflows -->)"
    return re.sub(pattern, lambda m: f"{m[1]}{table()}\n{m[2]}", readme, flags=re.DOTALL)


def main() -> None:
    """Write both."""
    readme = ROOT / "README.md"
    readme.write_text(with_table(readme.read_text()))
    run = [sys.executable, "-m", "runner", "run", "document_review", "--json"]
    subprocess.run([*run, "--timeline", str(ROOT / "docs" / "timeline.svg")], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
