"""What the tests of all workflows share."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from support.cli import ROOT, Cli

EXAMPLES = ROOT / "examples"


def example(name: str) -> dict[str, Any]:
    """Read a workflow's example as the command line does: `@file` is a text beside it."""
    values = json.loads((EXAMPLES / f"{name}.json").read_text())
    return {key: _resolved(value) for key, value in values.items()}


def _resolved(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("@"):
        return (EXAMPLES / value[1:]).read_text()
    if isinstance(value, str) and value.startswith("./"):
        return str(EXAMPLES / Path(value))
    return value


async def invoke(name: str, **values: Any) -> dict[str, Any]:
    """Run a workflow in this process on an input, without a checkpointer."""
    workflow = import_module(f"graphs.{name}").workflow
    result: dict[str, Any] = await workflow.compile().ainvoke(workflow.check(values))
    return result


def run_example(braid: Cli, name: str) -> dict[str, Any]:
    """Run a workflow's example offline through the command line; return its output."""
    result = braid("run", name, "--json")
    assert result.status == 0, result.err
    report = result.json
    assert report["workflow"] == name
    assert report["model"] == "offline"
    assert report["status"] == "complete"
    assert report["failures"] == {}
    assert report["timing"]["branches"]
    output: dict[str, Any] = report["output"]
    return output
