"""Reducers of dicts. Whatever is not a dict counts as an empty one."""

from __future__ import annotations

from typing import Any

from reducers.numbers import is_whole

Table = dict[str, Any]


def merge(left: Table | None, right: Table | None) -> Table:
    """Merge by key; on a shared key the right value wins. Not commutative; idempotent."""
    return {**table(left), **table(right)}


def deep_merge(left: Table | None, right: Table | None) -> Table:
    """Merge by key, and in the same way the dicts that share a key. Not commutative; idempotent.

    A dict wins over what is not one, from either side: were it replaced, a later dict would join
    it or not depending on the grouping, and the reducer would not be associative.
    """
    merged = dict(table(left))
    pending = [(merged, table(right))]
    while pending:  # a loop, because nesting may be deeper than Python lets functions call
        into, update = pending.pop()
        for key, value in update.items():
            kept = into.get(key)
            if not isinstance(kept, dict):
                into[key] = value
            elif isinstance(value, dict):
                into[key] = dict(kept)
                pending.append((into[key], value))
    return merged


def tally(left: dict[str, int] | None, right: dict[str, int] | None) -> dict[str, int]:
    """Add up the counts under each key. Commutative; not idempotent.

    A count that is not a whole number is dropped.
    """
    counts: dict[str, int] = {}
    for side in (left, right):
        for key, count in table(side).items():
            if is_whole(count):
                counts[key] = counts.get(key, 0) + count
    return counts


def table(value: Any) -> Table:
    """Return a dict as it is, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}
