"""`check` finds what is wrong with a reducer, and names the counter-example."""

from __future__ import annotations

import itertools
import operator
from typing import Any

import pytest

from reducers import add, keep_max, merge, top_k
from reducers.laws import LawBroken, check


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []


def extends_its_left(left: Any, right: Any) -> Any:
    if not isinstance(left, list):
        return listed(right)
    left.extend(listed(right))
    return left


def empties_its_right(left: Any, right: Any) -> Any:
    both = [*listed(left), *listed(right)]
    if isinstance(right, list):
        right.clear()
    return both


def stamps_what_is_inside(left: Any, right: Any) -> Any:
    both = [*listed(left), *listed(right)]
    for row in both:
        if isinstance(row, dict):
            row["seen"] = True
    return both


ticks = itertools.count()


def counts_its_calls(left: Any, right: Any) -> Any:
    return [*listed(left), *listed(right), next(ticks)]


def number(value: Any) -> Any:
    return value if isinstance(value, int) else 0


def subtracts(left: Any, right: Any) -> Any:
    return number(left) - number(right)


def averages(left: Any, right: Any) -> Any:
    numbers = [value for value in (left, right) if isinstance(value, int | float)]
    return sum(numbers) / len(numbers) if numbers else None


def adds_one(left: Any, right: Any) -> Any:
    return number(left) + number(right) + 1


def starts_at_zero(left: Any, right: Any) -> Any:
    return max(number(left), number(right))


def drops_everything(left: Any, right: Any) -> Any:
    return []


def replaces_by_scalars(left: Any, right: Any) -> Any:
    """Merge dicts deeply and let scalars replace dicts: what most deep merges do."""
    merged = dict(left) if isinstance(left, dict) else {}
    for key, value in (right if isinstance(right, dict) else {}).items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = replaces_by_scalars(merged[key], value) if both else value
    return merged


BROKEN: list[tuple[Any, list[Any], dict[str, Any], str]] = [
    (operator.add, [1], {}, "add is not total: on None and None it raises TypeError"),
    (lambda left, right: max(left or 0, right or 0), [1], {}, "> is not total: on .* it raises"),
    (extends_its_left, [[1], [2]], {}, r"is not pure: on \[1\] and \[1\] it makes them \[1, 1\]"),
    (empties_its_right, [[1]], {}, r"is not pure: on None and \[1\] it makes them None and \[\]"),
    (stamps_what_is_inside, [[{}]], {}, "is not pure: on .* it makes them .*'seen': True"),
    (counts_its_calls, [[1]], {}, r"is not pure: on None and None it gives \[0\] one way and"),
    (subtracts, [1], {}, "does not take None for nothing: written first, 1 becomes -1"),
    (adds_one, [1], {"empty": 0}, "does not take None for nothing: .*, but 1 and None make 2"),
    (starts_at_zero, [-1], {"empty": 0}, "keeps nothing: each sample becomes 0"),
    (drops_everything, [[1]], {}, r"keeps nothing: each sample becomes \[\]"),
    (add, [[1]], {"empty": [0]}, r"does not take \[0\] for nothing"),
    (averages, [1, 2, 5], {}, r"is not associative: on 1, 1 and 2 it gives 1.5 one way and 1.25"),
    (replaces_by_scalars, [{"a": {"x": 1}}, {"a": 1}, {"a": {"y": 1}}], {}, "is not associative"),
    (add, [[1], [2]], {"commutative": True}, r"is not commutative: on \[1\] and \[2\] it gives"),
    (merge, [{"a": 1}, {"a": 2}], {"commutative": True}, "merge is not commutative"),
    (add, [[1]], {"idempotent": True}, r"is not idempotent: on None and \[1\] it gives \[1\] one"),
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
    check(keep_max, [-1, 0.5, None, float("nan")], commutative=True, idempotent=True)


def test_a_sample_may_be_what_the_reducer_tidies_up() -> None:
    check(top_k(2), [[1, 3, 2], ["no number", 5], []], empty=[], commutative=True)


def test_samples_are_not_changed_by_a_reducer_that_changes_its_operands() -> None:
    samples = [[1], [2]]
    with pytest.raises(LawBroken):
        check(extends_its_left, samples)
    assert samples == [[1], [2]]
