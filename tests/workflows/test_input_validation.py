"""`input_validation`: a verdict with a reason for each field, and no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.openai_server import OpenAIServer
from support.workflows import invoke, run_example

from graphs.builders import InputError


async def verdict(branch: str, **values: str) -> Any:
    return (await invoke("input_validation", **values))["verdicts"][branch]


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("reader@example.org", "valid"),
        ("Reader.Name+tag@EXAMPLE.org", "valid"),
        ("grüße@exämple.org", "valid"),
        ("reader@", "invalid"),
        ("reader example.org", "invalid"),
        ("a@b@example.org", "invalid"),
        ("x" * 70 + "@example.org", "invalid"),
    ],
)
async def test_an_email_is_valid_by_its_format(email: str, expected: str) -> None:
    found = await verdict("email_format", email=email)
    assert found["verdict"] == expected
    assert found["reason"]


@pytest.mark.parametrize(
    ("phone", "region", "expected", "normalised"),
    [
        ("+44 20 7946 0958", None, "valid", "+442079460958"),
        ("020 7946 0958", "GB", "valid", "+442079460958"),
        ("020 7946 0958", None, "invalid", None),
        ("+44 1", None, "invalid", None),
        ("call me", None, "invalid", None),
    ],
)
async def test_a_phone_number_is_valid_by_its_countrys_plan(
    phone: str, region: str | None, expected: str, normalised: str | None
) -> None:
    values = {"phone": phone} | ({"region": region} if region else {})
    found = await verdict("phone_number", **values)
    assert found["verdict"] == expected
    if expected == "valid":
        assert found["normalised"] == normalised
    elif region is None and not phone.startswith("+"):
        assert "region" in found["reason"]


@pytest.mark.parametrize(
    ("address", "expected", "normalised"),
    [
        ("12 Harbour Street, EW1 4AB Eschwald", "valid", "12 Harbour Street, EW1 4AB Eschwald"),
        ("12 harbour st EW1 4AB ESCHWALD", "valid", "12 Harbour Street, EW1 4AB Eschwald"),
        ("12 Harbor Street, EW1 4AB Eschwald", "invalid", "12 Harbour Street, EW1 4AB Eschwald"),
        ("1 Nowhere Boulevard, Atlantis", "invalid", None),
        ("'; DROP TABLE addresses; --", "invalid", None),
    ],
)
async def test_an_address_is_looked_up_and_a_near_one_suggested(
    address: str, expected: str, normalised: str | None
) -> None:
    found = await verdict("known_address", address=address)
    assert (found["verdict"], found["normalised"]) == (expected, normalised)


async def test_addresses_of_ones_own_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own.csv").write_text("street,postcode,town\n7 Own Road,OW1,Owntown\n")
    monkeypatch.setenv("BRAID_ADDRESSES", str(tmp_path / "own.csv"))
    assert (await verdict("known_address", address="7 Own Road OW1 Owntown"))["verdict"] == "valid"


async def test_foul_language_is_found() -> None:
    assert (await verdict("profanity", comment="What a lovely day"))["verdict"] == "valid"
    assert (await verdict("profanity", comment="This is bullshit"))["verdict"] == "invalid"


async def test_an_invalid_field_is_a_result_and_no_failure() -> None:
    result = await invoke("input_validation", email="nope", comment="Hello")
    assert (result["status"], result["valid"]) == ("complete", False)
    assert list(result["reasons"]) == ["email"]
    assert result["verdicts"]["phone_number"]["verdict"] == "not given"


async def test_an_empty_form_is_an_input_error() -> None:
    with pytest.raises(InputError, match="nothing to check"):
        await invoke("input_validation")
    with pytest.raises(InputError, match="nothing to check"):
        await invoke("input_validation", region="GB")


async def test_a_check_that_failed_is_named_and_the_form_is_not_valid(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BRAID_ADDRESSES", str(tmp_path / "missing.csv"))
    result = await invoke("input_validation", email="reader@example.org", address="1 Mill Lane")
    assert (result["status"], result["valid"]) == ("partial", False)
    assert result["unchecked"] == ["address"]
    assert result["failures"]["known_address"]["error_type"] == "FileNotFoundError"


async def test_no_model_is_asked(openai_server: OpenAIServer) -> None:
    await invoke("input_validation", email="reader@example.org", comment="Hello")
    assert not openai_server.asked


def test_the_example_suggests_the_right_address(braid: Cli) -> None:
    output = run_example(braid, "input_validation")
    assert output["valid"] is False
    assert "did you mean 12 Harbour Street" in output["reasons"]["address"]


def test_an_empty_form_exits_2(braid: Cli) -> None:
    result = braid("run", "input_validation", "region=GB")
    assert result.status == 2
    assert "nothing to check" in result.err
