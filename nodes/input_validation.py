"""Four checks of a contact form, none of them by a model."""

from __future__ import annotations

import asyncio
import csv
import difflib
import os
import re
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from state.input_validation import Checked, FormState, Verdict

FIELDS = {
    "email_format": "email",
    "phone_number": "phone",
    "known_address": "address",
    "profanity": "comment",
}
"""The field that each branch looks at."""
SAMPLE_ADDRESSES = Path(__file__).parent / "data" / "addresses.csv"
"""Invented addresses; BRAID_ADDRESSES names a CSV of one's own with street, postcode and town."""


class Result(TypedDict):
    """What the aggregator writes."""

    valid: bool
    reasons: dict[str, str]
    unchecked: list[str]


def something_given(values: Mapping[str, Any]) -> None:
    """Refuse an empty form."""
    if not any(values.get(field) for field in FIELDS.values()):
        raise ValueError("there is nothing to check: give an email, phone, address or comment")


async def email_format(state: FormState) -> Checked:
    """Check an e-mail address by the standards; nothing is sent and no server is asked."""
    return await _check("email_format", state, _email)


async def phone_number(state: FormState) -> Checked:
    """Check a phone number by its country's numbering plan."""
    return await _check("phone_number", state, lambda phone: _phone(phone, state.get("region")))


async def known_address(state: FormState) -> Checked:
    """Look an address up in a database of known ones."""
    return await _check("known_address", state, _address)


async def profanity(state: FormState) -> Checked:
    """Look for foul language in a comment."""
    return await _check("profanity", state, _comment)


async def conclude(state: FormState) -> Result:
    """Make one verdict of all checks; what could not be checked is not valid."""
    verdicts = state["verdicts"]
    unchecked = [field for branch, field in FIELDS.items() if branch not in verdicts]
    wrong = {
        FIELDS[branch]: verdict["reason"]
        for branch, verdict in verdicts.items()
        if verdict["verdict"] == "invalid"
    }
    return {"valid": not wrong and not unchecked, "reasons": wrong, "unchecked": unchecked}


async def _check(branch: str, state: FormState, check: Callable[[str], Verdict]) -> Checked:
    value = state.get(FIELDS[branch])
    if not isinstance(value, str) or not value.strip():
        return {"verdicts": {branch: _verdict("not given", "The field is empty.")}}
    # The libraries read their tables from disk when they are first used.
    return {"verdicts": {branch: await asyncio.to_thread(check, value.strip())}}


def _verdict(verdict: Any, reason: str, normalised: str | None = None) -> Verdict:
    return {"verdict": verdict, "reason": reason, "normalised": normalised}


def _email(email: str) -> Verdict:
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(email, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        return _verdict("invalid", str(error))
    return _verdict("valid", "The format is right.", found.normalized)


def _phone(phone: str, region: str | None) -> Verdict:
    import phonenumbers

    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException as error:
        hint = "" if region or phone.startswith("+") else "; give the country code or a region"
        return _verdict("invalid", f"{error}{hint}")
    shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number):
        return _verdict("invalid", "No country assigns such a number.", shown)
    return _verdict("valid", "The numbering plan has such numbers.", shown)


def _address(address: str) -> Verdict:
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE TABLE addresses (street TEXT, postcode TEXT, town TEXT, key TEXT)")
        db.execute("CREATE INDEX by_key ON addresses (key)")
        rows = [(*row, _key(" ".join(row))) for row in _addresses()]
        db.executemany("INSERT INTO addresses VALUES (?, ?, ?, ?)", rows)
        key = _key(address)
        query = "SELECT street || ', ' || postcode || ' ' || town FROM addresses WHERE key = ?"
        if exact := db.execute(query, (key,)).fetchone():
            return _verdict("valid", "The address is known.", exact[0])
        near = difflib.get_close_matches(key, [row[3] for row in rows], n=1, cutoff=0.75)
        if near:
            suggestion = db.execute(query, (near[0],)).fetchone()[0]
            reason = f"The address is not known; did you mean {suggestion}?"
            return _verdict("invalid", reason, suggestion)
    return _verdict("invalid", "The address is not known.")


def _addresses() -> list[tuple[str, str, str]]:
    path = Path(os.environ.get("BRAID_ADDRESSES") or SAMPLE_ADDRESSES)
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["street"], row["postcode"], row["town"]) for row in csv.DictReader(file)]


def _key(address: str) -> str:
    """Reduce an address to what is compared: its words in any order, without punctuation."""
    words = re.findall(r"\w+", address.casefold())
    short = {"st": "street", "rd": "road", "ave": "avenue", "ln": "lane", "sq": "square"}
    return " ".join(sorted(short.get(word, word) for word in words))


def _comment(comment: str) -> Verdict:
    from better_profanity import Profanity

    if Profanity().contains_profanity(comment):
        return _verdict("invalid", "The comment contains foul language.")
    return _verdict("valid", "No foul language was found.")
