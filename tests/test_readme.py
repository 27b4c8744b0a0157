"""What the README says is executed or generated."""

from __future__ import annotations

import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import pytest
from support.cli import ROOT, Cli

sys.path.append(str(ROOT / "docs"))
generate = import_module("generate")

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


COMMANDS = [line for block in blocks("console") for line in block.splitlines() if line]
BRAID = [command for command in COMMANDS if command.startswith("braid ")]


def test_the_table_of_workflows_is_what_the_declarations_say() -> None:
    assert generate.with_table(README) == README, "run `make docs`"


def test_the_declaration_shown_is_the_real_one_and_short() -> None:
    shown = blocks("python")[0]
    assert shown in (ROOT / "graphs" / "creative_trio.py").read_text()
    assert len(shown.splitlines()) <= 12


def test_the_program_shown_runs(braid: Cli, tmp_path: Path) -> None:
    (tmp_path / "shown.py").write_text(blocks("python")[1])
    result = braid.python("shown.py")
    assert result.status == 0, result.err
    assert result.out.startswith("complete ## Joke")
    assert (tmp_path / "braid.sqlite").exists()


@pytest.mark.parametrize("command", BRAID)
def test_a_command_shown_works(braid: Cli, command: str) -> None:
    result = braid(*shlex.split(command)[1:])
    assert result.status == 0, result.err
    assert result.out


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_a_make_target_shown_exists(command: str) -> None:
    target = command.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_every_file_linked_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_picture_is_a_run_of_the_workflow_that_make_run_runs() -> None:
    picture = (ROOT / "docs" / "timeline.svg").read_text()
    for word in ("document_review", "technical", "business", "legal", "offline"):
        assert word in picture


def test_every_setting_named_is_read_somewhere() -> None:
    settings = set(re.findall(r"`((?:BRAID|OPENAI|LANGGRAPH)_[A-Z_]+)`", README))
    floors = ("state", "nodes", "graphs", "runner")
    code = "".join(p.read_text() for f in floors for p in (ROOT / f).rglob("*.py"))
    assert {name for name in settings if name not in code} == set()
