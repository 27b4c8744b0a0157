"""`braid show`: a workflow's diagram, its input fields and an example."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from graphs.builders import Workflow
from runner import catalogue
from runner.errors import DONE
from runner.inputs import example_file
from runner.tell import terminal

Schema = Mapping[str, Any]
"""A JSON schema."""
TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "JSON object",
}
BOUNDS = (
    ("minLength", "maxLength", "characters"),
    ("minItems", "maxItems", "entries"),
    ("minimum", "maximum", ""),
)
OPEN_BOUNDS = {"exclusiveMinimum": "above", "exclusiveMaximum": "below"}


def describe(name: str) -> int:
    """Print a workflow and return the exit status."""
    workflow = catalogue.load(name)
    console = terminal()
    console.print(name, style="bold")
    console.print(next(entry.purpose for entry in catalogue.entries() if entry.name == name))
    console.print("\nInput", style="bold")
    console.print(_fields(workflow))
    console.print("\nExample", style="bold", end="")
    _show_example(name, console)
    console.print("\nDiagram (Mermaid)", style="bold")
    print(_diagram(workflow))
    return DONE


def _diagram(workflow: Workflow) -> str:
    """Draw the graph, without the metadata that LangGraph would print into every box."""
    drawn = workflow.compile().get_graph()
    drawn.nodes = {name: node._replace(metadata=None) for name, node in drawn.nodes.items()}
    return drawn.draw_mermaid().rstrip()


def _fields(workflow: Workflow) -> Table:
    schema = TypeAdapter(workflow.input).json_schema()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2), show_header=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for name, field in schema["properties"].items():
        need = "required" if name in schema.get("required", ()) else _default(field)
        kind = f"{_kind(field, schema)}; {need}"
        told = field.get("description", "")
        table.add_row(name, f"{kind}\n{told}" if told else kind)
    return table


def _default(field: Schema) -> str:
    default = field.get("default")
    return f"{json.dumps(default)} unless given" if default else "may be left out"


def _show_example(name: str, console: Console) -> None:
    path = example_file(name)
    if not path.exists():
        console.print("\n  There is none yet.")
        return
    console.print(f" (what `braid run {name}` runs on; @ and ./ name files beside it)", style="dim")
    console.print(path.read_text(encoding="utf-8").rstrip(), soft_wrap=True)


def _kind(field: Schema, root: Schema) -> str:
    """Say in words what values a JSON schema takes."""
    if "$ref" in field:
        field = root["$defs"][field["$ref"].rpartition("/")[2]]
    if "anyOf" in field:
        kinds = (_kind(way, root) for way in field["anyOf"] if way.get("type") != "null")
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in field:
        return f"one of {', '.join(map(str, field['enum']))}"
    kind = TYPES.get(field.get("type", ""), "any JSON")
    if field.get("type") == "array":
        kind = f"list of {_kind(field['items'], root)}" if field.get("items") else "list"
    return ", ".join([kind, *_bounds(field)])


def _bounds(field: Schema) -> list[str]:
    """Return the bounds in words; empty where there are none."""
    told = [f"{word} {field[bound]:,}" for bound, word in OPEN_BOUNDS.items() if bound in field]
    for least, most, unit in BOUNDS:
        low, high = field.get(least), field.get(most)
        if low is not None and high is not None:
            told.append(f"{low:,} to {high:,} {unit}".rstrip())
        elif low is not None:
            told.append(f"at least {low:,} {unit}".rstrip())
        elif high is not None:
            told.append(f"at most {high:,} {unit}".rstrip())
    return told
