"""What a run made is shown so that it can be read, and can do nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from runner.result import result


def shown(output: dict[str, Any], given: tuple[str, ...] = (), width: int = 80) -> str:
    console = Console(width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(result(output, given))
    return capture.get()


def test_what_the_user_gave_is_not_told_again() -> None:
    assert "harbour" not in shown({"topic": "harbour", "title": "x"}, given=("topic",))


def test_texts_that_stand_in_another_field_are_not_told_twice() -> None:
    assert (
        shown({"all": "One joke.\n\nOne poem.", "parts": {"joke": "One joke."}}).count("joke") == 1
    )


def test_the_lines_of_a_poem_stay_lines() -> None:
    told = shown({"poem": "## Poem\n\nroses are red\nviolets are blue"})
    assert any(line.strip() == "roses are red" for line in told.splitlines())


@pytest.mark.parametrize(
    "text", ["\x1b]0;owned\x07x", "\x1b[2Jx", "a\x08\x08b\nc", "\u202eabc", "x\r\x1b[31my\nz"]
)
def test_control_characters_of_a_model_do_not_reach_the_terminal(text: str) -> None:
    told = shown({"text": text, "rows": [{"a": text, "b": 1}], text: [text, [text]]})
    assert not set(told) & set("\x1b\x07\x08\r\u202e")


def test_markup_is_shown_as_it_is() -> None:
    told = shown({"[red]a": "[bold]x", "b": {"[red]b": ["[bold]:smile:"], "c": {"[red]d": [[]]}}})
    for part in ("[red]a", "[bold]x", "[red]b", "[bold]:smile:", "[red]d"):
        assert part in told


def test_a_link_does_not_hide_where_it_leads() -> None:
    assert "https://evil.example" in shown({"text": "# See\n\n[bank](https://evil.example)"})


def test_long_values_are_shortened_and_say_so() -> None:
    assert "1,000 more characters; --json shows all" in shown({"text": "x " * 2_500})
    assert "and 380 more" in shown({"rows": [{"n": n, "text": "a b c d e"} for n in range(400)]})
    assert "and 380 more" in shown({"numbers": list(range(400))})


def test_a_detail_takes_no_more_than_a_screen() -> None:
    detail = {f"k{n}": {f"k{m}": {"deep": ["a b c d e f"]} for m in range(9)} for n in range(9)}
    told = shown({"report": "# One\n\nword", "detail": detail}).splitlines()
    assert len(told) < 50
    assert "more lines; --json shows all" in told[-1]


def test_an_address_can_be_copied_whole() -> None:
    address = "https://example.org/" + "long/" * 30
    told = shown({"rows": [{"url": address, "more": "a b c d e"}, {"url": address}]})
    assert address in "".join(told.split())


def test_records_that_are_alike_become_a_table() -> None:
    told = shown({"rows": [{"name": "a", "score": 1}, {"name": "b", "score": 2.5}]})
    assert [line.split() for line in told.splitlines() if line.strip()] == [
        ["rows"],
        ["name", "score"],
        ["a", "1"],
        ["b", "2.5"],
    ]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    output = {
        "text": "word " * 100,
        "unbroken": "x" * 300,
        "deep": {"a": {"b": {"c": {"d": {"e": ["f", "g " * 50]}}}}},
        "rows": [{"name": "n" * 30, "text": "t" * 30}],
        "wide": "漢字" * 50,
    }
    assert max(map(len, shown(output, width=width).splitlines())) <= width


def test_every_kind_of_value_can_be_shown() -> None:
    shown({"a": None, "b": True, "c": [], "d": {}, "e": "", "f": [None, {"g": [[]]}], "h": 1e300})
