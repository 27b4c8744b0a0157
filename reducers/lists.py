"""Reducers of lists.

None counts as an empty list, a tuple as a list (a checkpoint gives it back as one), and any other
value as a list of it alone, so that nothing a branch wrote is lost for the lack of brackets.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from reducers.numbers import is_number, is_whole

Items = list[Any]
ListReducer = Callable[[Items | None, Items | None], Items]


def add(left: Items | None, right: Items | None) -> Items:
    """Concatenate two lists. Not commutative; not idempotent."""
    return [*_items(left), *_items(right)]


def union(left: Items | None, right: Items | None) -> Items:
    """Keep each value once, in the order of first appearance. Not commutative; idempotent.

    Dicts are one value when they have the same content; 1, 1.0, True and "1" are four.
    """
    kept: dict[str, Any] = {}
    for item in add(left, right):
        kept.setdefault(_written(item), item)
    return list(kept.values())


def upsert(key: str) -> ListReducer:
    """Return a reducer that keeps one dict per value of `key`, the latest in the earliest's place.

    Not commutative; idempotent. An item without that key is dropped.
    """
    return _upsert(key)


def top_k(k: int, key: str | None = None) -> ListReducer:
    """Return a reducer that keeps the k largest, the largest first.

    Commutative, because ties go by content; not idempotent, because an item that comes twice
    counts twice. Items are compared by the number under `key`, or are numbers themselves; an item
    without one is dropped. Declare the key as a list: LangGraph stores the first write to
    `list | None` without asking the reducer.
    """
    if not is_whole(k) or k < 1:
        raise ValueError(f"top_k keeps a whole number of items, at least 1, not {k!r}.")
    return _top_k(k, key)


# LangGraph compares reducers by identity, so equal arguments must give one function, however they
# are spelt: `cache` alone would tell upsert("url") from upsert(key="url").
@cache
def _upsert(key: str) -> ListReducer:
    def reducer(left: Items | None, right: Items | None) -> Items:
        rows: dict[str, Any] = {}
        for row in add(left, right):
            if isinstance(row, dict) and key in row:
                rows[_written(row[key])] = row
        return list(rows.values())

    return _named(f"upsert_by_{key}", reducer)


@cache
def _top_k(k: int, key: str | None) -> ListReducer:
    def rate(item: Any) -> Any:
        if key is None:
            return item
        return item.get(key) if isinstance(item, dict) else None

    def reducer(left: Items | None, right: Items | None) -> Items:
        rated = [item for item in add(left, right) if is_number(rate(item))]
        return sorted(rated, key=lambda item: (-rate(item), _written(item)))[:k]

    return _named(f"top_{k}" if key is None else f"top_{k}_by_{key}", reducer)


def _named(name: str, reducer: ListReducer) -> ListReducer:
    reducer.__name__ = reducer.__qualname__ = name
    return reducer


def _items(value: Any) -> Items | tuple[Any, ...]:
    if value is None:
        return []
    return value if isinstance(value, list | tuple) else [value]


def _written(value: Any) -> str:
    """Write a value so that two read alike if and only if they have the same content."""
    if isinstance(value, dict):
        pairs = (f"{_written(name)}: {_written(inner)}" for name, inner in value.items())
        return "{" + ", ".join(sorted(pairs)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, set | frozenset):
        return "set(" + ", ".join(sorted(map(_written, value))) + ")"
    return repr(value)
