"""The user's prices: what they make of tokens, and what is said when the file is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.reports import asked, span

from runner.timing import load_prices, measure


def test_prices_make_costs_of_tokens(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('["m"]\ninput = 1\noutput = 2.5\n')
    prices = load_prices(tmp_path / "p.toml")
    spans = [span("a", 0, 1, **asked(1_000_000, 2_000_000)), span("b", 0, 1)]
    costs = [branch["cost_usd"] for branch in measure(spans, prices=prices)["branches"]]
    assert costs == [pytest.approx(6.0), None]


def test_without_the_price_of_every_model_there_is_no_cost(tmp_path: Path) -> None:
    both = {"m": {"calls": 1, "input": 1, "output": 1}, "n": {"calls": 1, "input": 1, "output": 1}}
    (tmp_path / "p.toml").write_text('["m"]\ninput = 1\noutput = 2.5\n')
    [branch] = measure([span("a", 0, 1, usage=both)], prices=load_prices(tmp_path / "p.toml"))[
        "branches"
    ]
    assert branch["cost_usd"] is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "are not valid TOML"),
        ("m = 3", r"'m' stands alone; write a table \[\"m\"\]"),
        ("[gpt-5.4-nano]\ninput = 1\noutput = 2", r'has a dot: \["gpt-5\.4-nano"\]'),
        ("[m]\ninput = 1", "'m' must have input and output, .*; it has input"),
        ("[m]", "; it has neither"),
        ("[m]\ninput = 1\noutput = 2\ncached = 3", "nothing else"),
        ("[m]\ninput = -1\noutput = 2", "input of 'm' must be a number .*; it is -1"),
        ("[m]\ninput = 1\noutput = nan", "output of 'm' must be a number"),
        ("[m]\ninput = 1\noutput = inf", "output of 'm' must be a number"),
        ("[m]\ninput = true\noutput = 1", "input of 'm' must be a number"),
        ('[m]\ninput = "1"\noutput = 1', "input of 'm' must be a number"),
        ("a = " + "[" * 50_000, "are not valid TOML"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(ValueError, match=rf"prices in .*p\.toml.*{sentence}") as caught:
        load_prices(tmp_path / "p.toml")
    assert "\n" not in str(caught.value).rstrip(".")
