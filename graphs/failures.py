"""Failures as values: how a branch records one, takes it back, and how several read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from graphs.guard import Outcome, Update

Ledger = Literal["failures", "unfinished"]
LEDGERS: tuple[Ledger, ...] = get_args(Ledger)


def still_open(state: Mapping[str, Any], ledger: Ledger) -> dict[str, Any]:
    """Return the entries that no later success took back."""
    return {name: entry for name, entry in (state.get(ledger) or {}).items() if entry is not None}


def recorded(
    name: str, outcome: Outcome, *, restart: dict[str, Any] | None = None, step: str | None = None
) -> Update:
    """Return the update of a branch that failed for good; `restart` is what a retry needs."""
    update: Update = {"failures": {name: outcome.failure(step)}}
    return update if restart is None else {**update, "unfinished": {name: restart}}


def taken_back(name: str) -> Update:
    """Return what a success adds to its update when an earlier round had failed."""
    return {"failures": {name: None}, "unfinished": {name: None}}


def listed(failed: Mapping[str, Any]) -> str:
    """Name each failure and its error, in one line."""
    return "; ".join(f"{name}: {f['error_type']}: {f['message']}" for name, f in failed.items())
