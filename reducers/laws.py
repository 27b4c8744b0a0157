"""Prove on samples that a reducer is one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

Reducer = Callable[[Any, Any], Any]

STRAYS: tuple[Any, ...] = (
    None,
    True,
    -1,
    2.5,
    float("nan"),
    float("-inf"),
    "text",
    b"bytes",
    [],
    [None, [{}]],
    {},
    {"key": None},
    {1: {"key": [1]}},
)
"""Values of every type: a branch may write any of them by mistake."""


class LawBroken(AssertionError):
    """A reducer breaks a law; the message has the counter-example."""


def check(
    reducer: Reducer,
    samples: Iterable[Any],
    *,
    empty: Any = None,
    commutative: bool = False,
    idempotent: bool = False,
) -> None:
    """Check a reducer on all pairs and triples of samples; raise LawBroken at the first failure.

    Samples are what branches may write. Checked of every reducer: it never raises, also on values
    of other types (raising would leave the thread unusable); it gives the same for the same
    operands and never changes them; None and `empty` on either side change nothing; it is
    associative; it keeps something. Checked where it is claimed: commutative; idempotent, that is,
    the same write twice in a row is as good as once.
    """
    values, strays = copy.deepcopy(([None, empty, *samples], STRAYS))
    for a, b in product([*values, *strays], repeat=2):
        _agree(reducer, "pure", (a, b), _call(reducer, a, b), _call(reducer, a, b))
    for value, nothing in product(values, (None, empty)):
        _neutral(reducer, value, nothing)
    for a, b, c in product(values, repeat=3):
        early = _call(reducer, _call(reducer, a, b), c)
        late = _call(reducer, a, _call(reducer, b, c))
        _agree(reducer, "associative", (a, b, c), early, late)
    for a, b in product(values, repeat=2):
        once = _call(reducer, a, b)
        if commutative:
            _agree(reducer, "commutative", (a, b), once, _call(reducer, b, a))
        if idempotent:
            _agree(reducer, "idempotent", (a, b), once, _call(reducer, once, b))
    _keeps_something(reducer, values)


def _call(reducer: Reducer, left: Any, right: Any) -> Any:
    before = copy.deepcopy((left, right))
    operands = f"on {left!r} and {right!r}"
    try:
        result = reducer(left, right)
    except Exception as error:
        raise LawBroken(
            f"{_name(reducer)} is not total: {operands} it raises {error!r}."
        ) from error
    if not _alike(before, (left, right)):
        changed = f"{left!r} and {right!r}"
        raise LawBroken(f"{_name(reducer)} is not pure: {operands} it makes them {changed}.")
    return result


def _neutral(reducer: Reducer, value: Any, nothing: Any) -> None:
    first = _call(reducer, None, value)  # what a reducer drops or sorts, it does at the first write
    for left, right in ((value, nothing), (nothing, value), (first, nothing), (nothing, first)):
        joined = _call(reducer, left, right)
        if not _alike(first, joined):
            raise LawBroken(
                f"{_name(reducer)} does not take {nothing!r} for nothing: written first, "
                f"{value!r} becomes {first!r}, but {left!r} and {right!r} make {joined!r}."
            )


def _keeps_something(reducer: Reducer, values: list[Any]) -> None:
    nothing = _call(reducer, None, None)
    written = [value for value in values if value is not None and not _alike(value, nothing)]
    if written and all(_alike(_call(reducer, None, value), nothing) for value in written):
        raise LawBroken(f"{_name(reducer)} keeps nothing: each sample becomes {nothing!r}.")


def _agree(reducer: Reducer, law: str, operands: tuple[Any, ...], one: Any, other: Any) -> None:
    if not _alike(one, other):
        *first, last = map(repr, operands)
        raise LawBroken(
            f"{_name(reducer)} is not {law}: on {', '.join(first)} and {last} "
            f"it gives {one!r} one way and {other!r} the other."
        )


def _alike(one: Any, other: Any) -> bool:
    return bool(one == other) or repr(one) == repr(other)  # NaN does not equal itself


def _name(reducer: Reducer) -> str:
    return getattr(reducer, "__name__", repr(reducer))
