"""Every figure in the documentation is one that `make bench` has measured."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module

import pytest
from support.cli import ROOT

from benchmarks import report
from benchmarks.measuring import Section, Target, in_turns, percentile, ratio

sys.path.append(str(ROOT / "docs"))
generate = import_module("generate")

RESULTS = report.FILE.read_text()
BLOCK = r"<!-- (?:bench:\w+|torture|sqlite|postgresql) -->.*?<!-- /\w+ -->"


@pytest.mark.parametrize("page", generate.pages(), ids=lambda page: page.name)
def test_a_page_has_the_figures_of_the_results(page: object) -> None:
    text = page.read_text()  # type: ignore[attr-defined]
    assert report.copied(text, RESULTS) == text, "run `make docs`"


def test_no_page_has_other_figures() -> None:
    for page in generate.pages():
        written = re.sub(BLOCK, "", page.read_text(), flags=re.DOTALL)
        assert re.findall(r"\d[\d.,]*\s?(?:×|x\b|ms\b|[kM]B\b|runs per second)", written) == []


def test_a_figure_that_was_changed_is_found() -> None:
    readme = (ROOT / "README.md").read_text()
    [block] = re.findall(r"<!-- bench:targets -->\n(.*?)<!-- /bench -->", readme, flags=re.DOTALL)
    changed = readme.replace(block, re.sub(r"\d\.\d\d", "0.99", block, count=1))
    assert changed != readme
    assert report.copied(changed, RESULTS) == readme


def test_the_results_tell_of_every_section_and_target() -> None:
    assert {"targets", "width", "runs", "resume", "uneven", "hedging", "scale"} <= set(
        report.blocks(RESULTS)
    )
    assert {"kept", "cluster", "startup", "compare", "machine"} <= set(report.blocks(RESULTS))
    assert report.PLOT.read_text().count("Braid, SQLite") >= 1


def test_a_section_survives_its_way_between_processes() -> None:
    section = Section("a", "A", "Note.", ["", "x"], [["b", "1"]], [Target("t", 1.0, at_most=2.0)])
    section.series = {"b": {3: 0.5}}
    assert Section.from_json(section.as_json()) == section


def test_a_target_is_held_on_its_side_of_the_bound() -> None:
    assert Target("", 1.0, at_most=1.0).held()
    assert not Target("", 1.1, at_most=1.0).held()
    assert Target("", 1.0, at_least=1.0).held()
    assert not Target("", 0.9, at_least=1.0).held()


async def test_runs_take_turns_and_one_that_loses_results_is_refused() -> None:
    turns: list[str] = []

    async def run(name: str, made: int) -> int:
        turns.append(name)
        return made

    seconds = await in_turns({"a": lambda: run("a", 3), "b": lambda: run("b", 3)}, 2, expected=3)
    assert turns == ["a", "b"] * 3
    assert {name: len(series) for name, series in seconds.items()} == {"a": 2, "b": 2}
    with pytest.raises(AssertionError, match="b gave 2 results of 3"):
        await in_turns({"a": lambda: run("a", 3), "b": lambda: run("b", 2)}, 1, expected=3)


def test_a_ratio_is_taken_within_each_turn() -> None:
    assert ratio([2.0, 20.0, 6.0], [1.0, 10.0, 2.0]) == 2.0
    assert percentile([float(n) for n in range(100)], 0.99) == 99.0


def test_a_section_that_is_not_there_is_refused_in_a_sentence() -> None:
    command = [sys.executable, "-m", "benchmarks", "widht"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "There is no section widht; there are width, runs" in ended.stdout


def test_an_empty_block_is_filled_and_the_text_after_it_stays() -> None:
    page = "<!-- bench:a -->\n<!-- /bench -->\nText.\n<!-- bench:b -->\nold\n<!-- /bench -->\n"
    results = page.replace("bench:a -->\n", "bench:a -->\n| 1 |\n").replace("old", "| 2 |")
    assert report.copied(page, results) == results
