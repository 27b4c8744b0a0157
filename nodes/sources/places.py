"""Which files and folders a workflow may read when its input names them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nodes.sources.base import SourceError

EXAMPLES = Path(__file__).parents[2] / "examples"


def may_be_read(place: str | Path) -> Path:
    """Return a place's absolute path; raise SourceError if it is not for the caller to read.

    BRAID_FOLDERS names the folders that may be read, with all that is in them (`:` between two,
    on Windows `;`). Without it everything may, but LangGraph's server, whose callers are not its
    owner, reads in its working directory and in the examples only.
    """
    try:
        path, roots = Path(place).expanduser().resolve(), _roots()
    except (OSError, RuntimeError) as error:  # ~somebody, links that lead in a circle
        raise SourceError(f"{place} cannot be found: {error}.") from None
    if roots and not any(path.is_relative_to(root.resolve()) for root in roots):
        raise SourceError(f"{place} may not be read here; BRAID_FOLDERS names what may.")
    return path


def _roots() -> list[Path]:
    if named := os.environ.get("BRAID_FOLDERS", "").strip():
        return [Path(each.strip()).expanduser() for each in named.split(os.pathsep) if each.strip()]
    return [Path.cwd(), EXAMPLES] if "langgraph_api" in sys.modules else []
