"""The catalogue reads declarations without importing them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runner import catalogue
from runner.errors import BadInput


def test_every_entry_says_what_the_imported_workflow_says() -> None:
    for entry in catalogue.entries():
        workflow = catalogue.load(entry.name)
        assert workflow.name == entry.name
        assert workflow.branch_names() == entry.branches
        assert (
            type(workflow).__name__
            == {"fan-out": "FanOut", "map-reduce": "MapReduce"}[entry.pattern]
        )
        assert entry.purpose.endswith(".")


def test_an_unknown_workflow_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(BadInput, match="did you mean 'content_kit'"):
        catalogue.load("contentkit")
    with pytest.raises(BadInput, match="`braid list` shows all"):
        catalogue.load("xyz")


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--help"], ["run", "--help"]])
def test_what_only_shows_imports_neither_langgraph_nor_a_model_client(
    arguments: list[str],
) -> None:
    script = (
        "import sys; from runner.cli import main; main();"
        "print(*(name for name in sys.modules if name.startswith(('lang', 'openai'))))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines()[-1] == ""
