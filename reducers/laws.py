"""Prove on samples that a reducer is one."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable
from typing import Any

Reducer = Callable[[Any, Any], Any]


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
    """Check a reducer on all pairs and triples of samples; raise LawBroken with the first failure.

    Always: it never raises, never changes its operands, does not hand the left one out to be
    changed, is associative, and `empty` and None on either side change nothing. On demand:
    commutative, idempotent (a write that comes twice changes nothing).
    """
    values = list(samples)
    for value in values:
        _identity(reducer, value, empty)
    for left, right in itertools.product(values, repeat=2):
        once = _apply(reducer, left, right)
        if commutative:
            _same("commutative", once, _apply(reducer, right, left), (left, right))
        if idempotent:
            _same("idempotent", once, _apply(reducer, once, right), (left, right))
    for a, b, c in itertools.product(values, repeat=3):
        early = _apply(reducer, _apply(reducer, a, b), c)
        late = _apply(reducer, a, _apply(reducer, b, c))
        _same("associative", early, late, (a, b, c))


def _identity(reducer: Reducer, value: Any, empty: Any) -> None:
    normal = _apply(reducer, value, None)  # what is ill-typed becomes empty once, and stays so
    _same("the empty value is an identity", normal, _apply(reducer, normal, None), (value,))
    for nothing in (None, empty):
        _same("the empty value is an identity", normal, _apply(reducer, value, nothing), (value,))
        _same("the empty value is an identity", normal, _apply(reducer, nothing, value), (value,))


def _apply(reducer: Reducer, left: Any, right: Any) -> Any:
    before = copy.deepcopy((left, right))
    try:
        result = reducer(left, right)
    except Exception as error:
        raise LawBroken(
            f"{_name(reducer)} is not total: on {left!r} and {right!r} it raised {error!r}"
        ) from error
    if (left, right) != before and repr((left, right)) != repr(before):
        raise LawBroken(f"{_name(reducer)} is not pure: it changed its operands {before!r}")
    if result is left and isinstance(left, list | dict | set) and right:
        raise LawBroken(
            f"{_name(reducer)} is not pure: for {before!r} it returned its left operand itself"
        )
    return result


def _same(law: str, one: Any, other: Any, operands: tuple[Any, ...]) -> None:
    if one != other and repr(one) != repr(other):
        shown = ", ".join(map(repr, operands))
        raise LawBroken(f"not {law}: on {shown} it gives {one!r} one way and {other!r} the other")


def _name(reducer: Reducer) -> str:
    return getattr(reducer, "__name__", repr(reducer))
