"""Reducers of numbers. Whatever is not a number (NaN and booleans too) counts as None."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite
from typing import Any

from typing_extensions import TypedDict

from reducers.lists import is_number


class Mean(TypedDict, total=False):
    """What `mean` keeps: a sum alone could not be averaged, nor an average be added to."""

    sum: str
    """An exact fraction, such as `7/2`: sums of floats depend on their order."""
    count: int


def keep_max(left: float | None, right: float | None) -> float | None:
    """Keep the larger number. Commutative and idempotent.

    Declare the key as `float | None`: an `int` key would start at 0 and lose every negative.
    """
    return max(_numbers(left, right), default=None)


def keep_min(left: float | None, right: float | None) -> float | None:
    """Keep the smaller number. Commutative and idempotent."""
    return min(_numbers(left, right), default=None)


def mean(left: Mean | None, right: Mean | None) -> Mean:
    """Add up sums and counts; `average` reads the result. Commutative, not idempotent.

    A branch writes `mean_of(3.5)`, or of several values.
    """
    parts = [_read(part) for part in (left, right)]
    count = sum(counted for _, counted in parts)
    total = sum((summed for summed, _ in parts), Fraction())
    return {"sum": str(total), "count": count} if count else {}


def average(kept: Mean | None) -> float | None:
    """Return the mean of all values that `mean` took in; None where there were none."""
    total, count = _read(kept)
    return float(total / count) if count else None


def mean_of(*values: float) -> Mean:
    """Return what a branch writes to a `mean` key for its values; infinities are left out."""
    finite = [value for value in values if is_number(value) and isfinite(value)]
    total = sum(map(Fraction, finite), Fraction())
    return {"sum": str(total), "count": len(finite)} if finite else {}


def _numbers(*values: Any) -> list[Any]:
    return [value for value in values if is_number(value)]


def _read(kept: Any) -> tuple[Fraction, int]:
    try:
        total, count = Fraction(kept["sum"]), kept["count"]
    except (TypeError, ValueError, KeyError, ZeroDivisionError, IndexError):
        return Fraction(), 0
    sound = isinstance(count, int) and not isinstance(count, bool) and count > 0
    return (total, count) if sound else (Fraction(), 0)
