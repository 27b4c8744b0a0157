"""Reducers of numbers. Whatever is not a number (NaN and booleans too) counts as None."""

from __future__ import annotations

import sys
from fractions import Fraction
from typing import Any, TypeGuard

from typing_extensions import TypedDict

LARGEST = sys.float_info.max
FINEST = 2**1074
"""Every float is a whole number of these parts of 1, and so is every sum of floats."""


class Mean(TypedDict, total=False):
    """What `mean` keeps: a sum alone could not be averaged, nor an average be added to."""

    sum: str
    """An exact fraction, such as `7/2`: a sum of floats would depend on their order."""
    count: int


def keep_max(left: float | None, right: float | None) -> float | None:
    """Keep the larger number. Commutative and idempotent.

    Declare the key as `float | None`: an `int` key would start at 0 and lose every negative.
    """
    return max(filter(is_number, (left, right)), default=None)


def keep_min(left: float | None, right: float | None) -> float | None:
    """Keep the smaller number. Commutative and idempotent.

    Declare the key as `float | None`: an `int` key would start at 0 and lose every positive.
    """
    return min(filter(is_number, (left, right)), default=None)


def mean(left: Mean | None, right: Mean | None) -> Mean:
    """Add up sums and counts. Commutative; not idempotent.

    A branch writes `mean_of(3.5)`, or of several values; `average` reads the result. Sums are
    exact, so the laws hold to the last bit, whatever the order and the grouping.
    """
    (left_sum, left_count), (right_sum, right_count) = _read(left), _read(right)
    return _write(left_sum + right_sum, left_count + right_count)


def mean_of(*values: float) -> Mean:
    """Return what a branch writes to a `mean` key for its values; infinities are left out."""
    finite = [value for value in values if is_number(value) and abs(value) <= LARGEST]
    return _write(sum(map(Fraction, finite), Fraction()), len(finite))


def average(kept: Mean | None) -> float | None:
    """Return the mean of all values that `mean` took in; None where there were none."""
    total, count = _read(kept)
    return float(total / count) if count else None


def is_number(value: Any) -> TypeGuard[float]:
    """Tell a number that can be ordered from everything else, NaN and booleans included."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def is_whole(value: Any) -> TypeGuard[int]:
    """Tell an integer from everything else, booleans included."""
    return isinstance(value, int) and not isinstance(value, bool)


def _write(total: Fraction, count: int) -> Mean:
    return {"sum": str(total), "count": count} if count else {}


def _read(kept: Any) -> tuple[Fraction, int]:
    """Return sum and count; nothing for what no floats can add up to, which might grow for ever."""
    nothing = Fraction(), 0
    try:
        above, _, below = str(kept["sum"]).partition("/")
        total, count = Fraction(int(above), int(below or 1)), kept["count"]
    except (KeyError, TypeError, IndexError, ValueError, ZeroDivisionError):
        return nothing
    if not is_whole(count) or count < 1:
        return nothing
    possible = FINEST % total.denominator == 0 and abs(total) <= count * Fraction(LARGEST)
    return (total, count) if possible else nothing
