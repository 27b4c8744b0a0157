"""Reducers of dicts. Whatever is not a dict counts as an empty one."""

from __future__ import annotations

from typing import Any

from reducers.lists import is_number

Table = dict[str, Any]


def merge(left: Table | None, right: Table | None) -> Table:
    """Merge by key; on a shared key the right value wins. Not commutative; idempotent."""
    return {**_table(left), **_table(right)}


def deep_merge(left: Table | None, right: Table | None) -> Table:
    """Merge dicts in dicts; what is not a dict on both sides is replaced by the right one.

    Not commutative; idempotent.
    """
    merged, right = dict(_table(left)), _table(right)
    for key, value in right.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = deep_merge(merged[key], value) if both else value
    return merged


def tally(left: dict[str, int] | None, right: dict[str, int] | None) -> dict[str, int]:
    """Add up the counts under each key; what is not a whole number is dropped.

    Commutative; not idempotent.
    """
    counts: dict[str, int] = {}
    for table in (_table(left), _table(right)):
        for key, count in table.items():
            if is_number(count) and isinstance(count, int):
                counts[key] = counts.get(key, 0) + count
    return counts


def _table(value: Any) -> Table:
    return value if isinstance(value, dict) else {}
