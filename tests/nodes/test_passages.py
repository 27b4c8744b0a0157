"""Passages: whole paragraphs under their headings, with the lines they came from."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.sources.passages import LONGEST, Passage, passages, title_of


def cut(text: str) -> list[Passage]:
    return list(passages(text))


def test_a_passage_has_the_headings_above_it_and_its_lines() -> None:
    text = "# Peat\n\nIntro.\n\n## Methane\n\nRises.\n\nFalls.\n\n# Other\n\nEnd.\n"
    assert cut(text) == [
        Passage("Peat", "Intro.", 3, 3),
        Passage("Peat > Methane", "Rises.\n\nFalls.", 7, 9),
        Passage("Other", "End.", 13, 13),
    ]


def test_short_paragraphs_share_a_passage_and_a_full_one_ends_it() -> None:
    paragraph = "word " * 100
    assert [p.text.count("word") for p in cut("\n\n".join([paragraph] * 3))] == [100, 100, 100]
    assert [p.text.count("word") for p in cut("\n\n".join([paragraph[:200]] * 3))] == [120]


def test_a_paragraph_without_end_is_cut_after_sentences() -> None:
    text = " ".join(f"This is sentence number {n}." for n in range(300))
    pieces = cut(text)
    assert all(len(piece.text) <= LONGEST for piece in pieces)
    assert all(piece.text.endswith(".") for piece in pieces)
    assert " ".join(piece.text for piece in pieces) == text


def test_lines_are_counted_in_a_long_block_too() -> None:
    lines = [f"row {n} of a long table without a blank line" for n in range(200)]
    for piece in cut("\n".join(lines)):
        assert piece.text.split("\n") == lines[piece.first - 1 : piece.last]


def test_a_heading_within_a_fence_is_code() -> None:
    text = "# Real\n\n```sh\n# comment\n\nls\n```\n"
    assert cut(text) == [Passage("Real", "```sh\n# comment\n\nls\n```", 3, 7)]


def test_front_matter_is_no_text_and_counts_as_lines() -> None:
    text = "---\ntags: [a]\n---\n# Title #\n\nText.\n"
    assert cut(text) == [Passage("Title", "Text.", 6, 6)]
    assert title_of(text) == "Title"


def test_line_ends_of_other_systems_are_line_ends() -> None:
    assert cut("# A\r\n\r\nB\r\n") == [Passage("A", "B", 3, 3)]


@pytest.mark.parametrize("text", ["", "\n\n\n", "#", "# \n", "```", "---\n", "# only a heading"])
def test_text_without_paragraphs_has_no_or_one_passage(text: str) -> None:
    assert len(cut(text)) <= 1


@given(st.text(st.sampled_from("ab #`~-\n.。 \u2028"), max_size=400))
def test_every_word_is_in_one_passage_or_a_heading(text: str) -> None:
    pieces = cut(text)
    said = "".join(f"{p.heading}{p.text}" for p in pieces)
    for letter in "ab":
        if title_of(text) is None and not text.startswith("---\n"):
            assert said.count(letter) == text.count(letter)
    assert all(1 <= p.first <= p.last <= text.count("\n") + 1 for p in pieces)


def test_hostile_text_takes_no_time_to_speak_of() -> None:
    started = time.process_time()
    for text in ("# " + "# " * 50_000, "#" * 200_000, "---\n" + "a\n" * 50_000, "`" * 100_000):
        cut(text)
    assert time.process_time() - started < 5
