"""`check` finds what is wrong with a reducer, and names the counter-example."""

from __future__ import annotations

import operator
from typing import Any

import pytest

from reducers import add, merge
from reducers.laws import LawBroken, check


def mutates(left: Any, right: Any) -> Any:
    left = [] if left is None else left
    left.extend(right or [])
    return list(left)


def hands_out_its_left(left: Any, right: Any) -> Any:
    return left if left else (right or [])


def subtracts(left: Any, right: Any) -> Any:
    return (left or 0) - (right or 0)


def averages(left: Any, right: Any) -> Any:
    return right if left is None else left if right is None else (left + right) / 2


def adds_one(left: Any, right: Any) -> Any:
    return (left or 0) + (right or 0) + 1


BROKEN: list[tuple[Any, list[Any], dict[str, Any], str]] = [
    (operator.add, [1, None], {}, "not total: on 1 and None it raised"),
    (mutates, [[1], [2]], {}, "not pure: it changed its operands"),
    (hands_out_its_left, [[1], [2]], {}, "returned its left operand itself"),
    (subtracts, [1, 2], {}, "the empty value is an identity"),
    (averages, [1, 2, 5], {}, "not associative: on 1, 1, 2"),
    (adds_one, [1, 2], {"empty": 0}, "the empty value is an identity"),
    (add, [[1], [2]], {"commutative": True}, r"not commutative: on \[1\], \[2\]"),
    (add, [[1]], {"idempotent": True}, r"not idempotent: on \[1\], \[1\]"),
    (merge, [{"a": 1}, {"a": 2}], {"commutative": True}, "not commutative"),
    (max, [1, "a"], {}, "not total"),
]


@pytest.mark.parametrize(("reducer", "samples", "claims", "sentence"), BROKEN)
def test_a_broken_law_is_named_with_its_counter_example(
    reducer: Any, samples: list[Any], claims: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(LawBroken, match=sentence):
        check(reducer, samples, **claims)


def test_a_sound_reducer_passes() -> None:
    check(add, [[], [1], [2, 3], None], empty=[])
    check(merge, [{}, {"a": 1}, {"a": 2}, None], empty={}, idempotent=True)
