"""What workflows there are, read from their declarations without importing them."""

from __future__ import annotations

import ast
import difflib
import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runner.errors import BadInput, Trouble

if TYPE_CHECKING:
    from graphs.builders import Workflow

Pattern = Literal["fan-out", "map-reduce"]
_PATTERNS: dict[str, Pattern] = {"FanOut": "fan-out", "MapReduce": "map-reduce"}


@dataclass(frozen=True)
class Entry:
    """A workflow as its module declares it."""

    name: str
    pattern: Pattern
    branches: tuple[str, ...] | None
    """None where they are known only at run time."""
    purpose: str
    """The first line of the module's docstring."""


def entries() -> list[Entry]:
    """Return every workflow in `graphs`, by name."""
    found = (_read(path) for path in sorted((home() / "graphs").glob("[!_]*.py")))
    return [entry for entry in found if entry is not None]


def check(name: str) -> None:
    """Raise BadInput, with the nearest name, unless there is such a workflow."""
    names = [entry.name for entry in entries()]
    if name not in names:
        near = difflib.get_close_matches(name.replace("-", "_"), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "`braid list` shows all."
        raise BadInput(f"There is no workflow {name!r}; {hint}")


def load(name: str) -> Workflow:
    """Import a workflow; its wiring is checked while that happens."""
    check(name)
    try:
        workflow: Workflow = importlib.import_module(f"graphs.{name}").workflow
    except Exception as error:
        raise Trouble(f"graphs/{name}.py cannot be used: {error}") from error
    return workflow


def home() -> Path:
    """Return the folder that holds `graphs` and `examples`."""
    spec = find_spec("graphs")
    folders = spec.submodule_search_locations if spec else None
    assert folders
    return Path(next(iter(folders))).parent


def _read(path: Path) -> Entry | None:
    """Return the entry of one module; None where it declares no workflow."""
    source = path.read_text(encoding="utf-8")
    if "\nworkflow = " not in source:
        return None  # spares parsing the builders' modules
    try:
        module = ast.parse(source)
    except SyntaxError as error:
        raise Trouble(f"graphs/{path.name}, line {error.lineno}: {error.msg}.") from error
    for statement in module.body:
        match statement:
            case ast.Assign(
                targets=[ast.Name(id="workflow")],
                value=ast.Call(func=ast.Name(id=builder), keywords=given),
            ) if builder in _PATTERNS:
                purpose = (ast.get_docstring(module) or "").partition("\n")[0]
                return Entry(path.stem, _PATTERNS[builder], _branches(given), purpose)
    return None


def _branches(given: list[ast.keyword]) -> tuple[str, ...] | None:
    for argument in given:
        match argument:
            case ast.keyword(arg="branches", value=ast.Dict(keys=keys)):
                names = [key.value for key in keys if isinstance(key, ast.Constant)]
                return tuple(map(str, names)) if len(names) == len(keys) else None
    return None
