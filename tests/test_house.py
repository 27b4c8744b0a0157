"""The house: imports point upwards, and a workflow is the same name in four places."""

from __future__ import annotations

import ast
import importlib
import json
import tomllib
from pathlib import Path

import pytest

from graphs.builders import FanOut, MapReduce

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ["reducers", "state", "nodes", "graphs", "runner", "web"]
"""From the ground up: a floor imports only from those before it; the last two lie side by side."""


def declares_workflow(path: Path) -> bool:
    body = ast.parse(path.read_text()).body
    return any(
        isinstance(line, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "workflow" for target in line.targets)
        for line in body
    )


WORKFLOWS = sorted(p.stem for p in (ROOT / "graphs").glob("*.py") if declares_workflow(p))


def imported_by(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_only_point_upwards(floor: str) -> None:
    forbidden = set(FLOORS[FLOORS.index(floor) + 1 :]) | {"tests", "support"}
    if floor == "web":
        forbidden.add("runner")
    for path in (ROOT / floor).rglob("*.py"):
        assert not imported_by(path) & forbidden, path


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_is_the_same_name_in_every_floor(name: str) -> None:
    for place in (f"state/{name}.py", f"nodes/{name}.py", f"tests/workflows/test_{name}.py"):
        assert (ROOT / place).is_file(), f"{place} is missing"
    assert (ROOT / "examples" / f"{name}.json").is_file()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_module_declares_and_compiles_it(name: str) -> None:
    module = importlib.import_module(f"graphs.{name}")
    assert isinstance(module.workflow, FanOut | MapReduce)
    assert module.workflow.name == module.graph.name == name
    assert module.graph.checkpointer is None


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_input_field_says_what_it_is(name: str) -> None:
    module = importlib.import_module(f"graphs.{name}")
    for field, schema in module.graph.get_input_jsonschema()["properties"].items():
        assert schema.get("description"), f"{name}: {field} has no description"


def test_every_workflow_is_served_and_nothing_else() -> None:
    served = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    assert sorted(served) == WORKFLOWS
    for name, entry in served.items():
        module = importlib.import_module(f"graphs.{name}")
        assert entry["path"] == f"./graphs/{name}.py:graph"
        assert entry["description"] == (module.__doc__ or "").splitlines()[0]


@pytest.mark.parametrize("floor", ["state", "nodes"])
def test_no_workflow_file_is_left_behind(floor: str) -> None:
    shared = {"__init__", "parallel", "checkpointers", "sqlite", "postgres", "locks", "threads"}
    shared |= {"database", "group_commit", "running", "serde", "redaction"}
    shared |= {"race", "sources"}
    assert {p.stem for p in (ROOT / floor).glob("*.py")} - shared <= set(WORKFLOWS)


def test_every_package_is_named_in_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = set(project["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for floor in FLOORS
        for path in (ROOT / floor).rglob("__init__.py")
    }
    assert named == found


def test_constraints_name_versions_and_no_place_to_fetch_them_from() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        assert name
        assert version
        assert "/" not in line
