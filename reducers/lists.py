"""Reducers of lists. Whatever is not a list counts as an empty one."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

Items = list[Any]


def add(left: Items | None, right: Items | None) -> Items:
    """Concatenate two lists. Not commutative, not idempotent."""
    return [*_items(left), *_items(right)]


def union(left: Items | None, right: Items | None) -> Items:
    """Keep each value once, in the order of first appearance. Not commutative; idempotent.

    Values are equal when their JSON is, so 1 and True are two, and dicts are compared by content.
    """
    kept: dict[str, Any] = {}
    for item in add(left, right):
        kept.setdefault(_canonical(item), item)
    return list(kept.values())


@cache
def upsert(key: str) -> Callable[[Items | None, Items | None], Items]:
    """Return a reducer that keeps one dict per value of `key`; a later one replaces an earlier.

    The earlier one's place is kept. Not commutative; idempotent. What has no such key is dropped.
    """

    def upsert_by_key(left: Items | None, right: Items | None) -> Items:
        rows: dict[str, Any] = {}
        for row in add(left, right):
            if isinstance(row, dict) and key in row:
                rows[_canonical(row[key])] = row
        return list(rows.values())

    upsert_by_key.__name__ = f"upsert_by_{key}"
    return upsert_by_key


@cache
def top_k(k: int, key: str | None = None) -> Callable[[Items | None, Items | None], Items]:
    """Return a reducer that keeps the k largest, the largest first.

    By the number under `key` of each dict, or by the items themselves; what has no such number is
    dropped. Ties are broken by content, so it is commutative; not idempotent: an item that
    arrives twice counts twice.
    """

    def top(left: Items | None, right: Items | None) -> Items:
        rated = [
            (rate, _canonical(item), item) for item in add(left, right) for rate in rates(item)
        ]
        rated.sort(key=lambda row: (-row[0], row[1]))
        return [item for *_, item in rated[:k]]

    def rates(item: Any) -> list[float]:
        value: Any = item.get(key) if isinstance(item, dict) and key is not None else item
        return [value] if is_number(value) else []

    top.__name__ = f"top_{k}" + (f"_by_{key}" if key else "")
    return top


def is_number(value: Any) -> bool:
    """Tell a number that can be ordered from everything else, NaN and booleans included."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _items(value: Any) -> Items:
    return value if isinstance(value, list) else []


def _canonical(value: Any) -> str:
    """Write a value so that equal ones read alike, whatever it is."""
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except (TypeError, ValueError):
        return repr(value)
