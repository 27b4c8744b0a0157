"""Numbers and strangers' texts, as they are put before a reader."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.words import count, plain, seconds, some, usd


@given(st.text(), st.integers(1, 50))
def test_a_text_becomes_one_harmless_line(text: str, limit: int) -> None:
    line = plain(text, limit)
    assert len(line) <= limit
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://a.example\x1b\\link", "link"),
        ("a\r\nb\tc\x00d", "a b cd"),
        ("\u202egnp.exe", "gnp.exe"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_sequences_that_do_something_are_taken_out(text: str, line: str) -> None:
    assert plain(text) == line


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (0, "0.00 s"),
        (9.994, "9.99 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (3_599.4, "59 min 59 s"),
        (3_599.6, "1 h 00 min"),
        (90_000, "25 h 00 min"),
    ],
)
def test_a_length_of_time_is_said_as_people_say_it(time: float, said: str) -> None:
    assert seconds(time) == said


def test_numbers_come_with_their_nouns() -> None:
    assert [count(1, "branch"), count(0, "branch")] == ["1 branch", "0 branches"]
    assert count(1_204, "token") == "1,204 tokens"
    assert some(["a", "b", "c"]) == "a, b, c"
    assert some(["a", "b", "c", "d"]) == "a, b, c and 1 more"
    assert [usd(0.00012), usd(1_234.5)] == ["$0.0001", "$1,234.50"]
