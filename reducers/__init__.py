"""How parallel writes to one key become one value."""

from __future__ import annotations

from typing import Any


def add(left: list[Any] | None, right: list[Any] | None) -> list[Any]:
    """Concatenate two lists."""
    return [*(left or []), *(right or [])]


def merge(left: dict[str, Any] | None, right: dict[str, Any] | None) -> dict[str, Any]:
    """Merge two dicts; on a shared key the right one wins."""
    return {**(left or {}), **(right or {})}
