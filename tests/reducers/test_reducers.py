"""Every law that a docstring claims, on the bare functions."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from support.reducer_cases import CASES, NOT_MEANS, NOT_RANKS, Case, stray

import reducers
from reducers import (
    add,
    average,
    deep_merge,
    keep_max,
    keep_min,
    mean,
    mean_of,
    merge,
    rank_fusion,
    ranked,
    ranks_of,
    tally,
    top_k,
    union,
    upsert,
)
from reducers.laws import check

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
quick = settings(max_examples=25, deadline=None)
SERDE = JsonPlusSerializer(pickle_fallback=False)


@each
@given(data=st.data())
@quick
def test_the_laws_hold_also_among_values_of_other_types(case: Case, data: st.DataObject) -> None:
    samples = [data.draw(case.writes), *data.draw(st.lists(case.writes | stray, max_size=3))]
    sound = [sample for sample in samples if case.reducer(None, sample) != case.empty]
    check(
        case.reducer,
        samples if sound else [],
        empty=case.empty,
        commutative=case.commutative,
        idempotent=case.idempotent,
    )


@each
def test_the_docstring_claims_what_is_tested(case: Case) -> None:
    said = " ".join((case.documented or case.reducer).__doc__.casefold().split())
    assert "commutative" in said
    assert "idempotent" in said
    assert ("not commutative" not in said) == case.commutative
    assert ("not idempotent" not in said) == case.idempotent


def test_every_reducer_that_is_exported_is_tested() -> None:
    readers_and_writers = {"average", "mean_of", "ranked", "ranks_of"}
    tested = {(case.documented or case.reducer).__name__ for case in CASES}
    assert set(reducers.__all__) == tested | readers_and_writers


@each
@given(data=st.data())
@quick
def test_a_checkpoint_between_two_writes_makes_no_difference(
    case: Case, data: st.DataObject
) -> None:
    first, second = data.draw(case.writes | stray), data.draw(case.writes)
    kept = case.reducer(None, first)
    restored = SERDE.loads_typed(SERDE.dumps_typed(kept))
    assert repr(case.reducer(restored, second)) == repr(case.reducer(kept, second))


@each
def test_nesting_as_deep_as_a_checkpoint_takes_is_no_problem(case: Case) -> None:
    deep: Any = 1
    for _ in range(120):
        deep = {"a": {"b": deep}} if case.reducer is deep_merge else {"a": [deep]}
    SERDE.loads_typed(SERDE.dumps_typed(deep))
    for value in ([deep, {"id": deep, "score": 1}], deep):
        assert case.reducer(value, value) == case.reducer(None, case.reducer(value, value))


def test_a_reducer_with_equal_arguments_is_one_function_with_a_name() -> None:
    assert top_k(3, "score") is top_k(3, key="score") is top_k(k=3, key="score")
    assert top_k(3) is top_k(3, None)
    assert upsert("url") is upsert(key="url")
    assert top_k(3) is not top_k(4)
    assert top_k(3).__name__ == "top_3"
    assert top_k(3, key="score").__name__ == "top_3_by_score"
    assert upsert("url").__name__ == "upsert_by_url"


@pytest.mark.parametrize("k", [0, -1, 1.0, True, None])
def test_top_k_of_no_items_is_refused_when_it_is_declared(k: Any) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {k}"):
        top_k(k)


def test_top_k_breaks_ties_by_content() -> None:
    rows = [{"id": "b", "score": 1}, {"id": "a", "score": 1}, {"id": "c", "score": 2}]
    best = [{"id": "c", "score": 2}, {"id": "a", "score": 1}]
    assert top_k(2, key="score")(rows[:1], rows[1:]) == best
    assert top_k(2, key="score")(rows[1:], rows[:1]) == best


def test_add_keeps_what_came_without_brackets() -> None:
    assert add([1], 2) == [1, 2]  # type: ignore[arg-type]
    assert add([1], (2, 3)) == [1, 2, 3]  # type: ignore[arg-type]
    assert add("ab", None) == ["ab"]  # type: ignore[arg-type]


def test_keep_max_and_keep_min_keep_negatives_and_work_before_the_first_write() -> None:
    assert keep_max(None, -5.0) == -5.0
    assert keep_max(-5.0, -7.0) == -5.0
    assert keep_min(None, 5.0) == 5.0
    assert keep_min(-5.0, -7.0) == -7.0
    assert keep_max(None, None) is None
    assert keep_max(float("nan"), 1.0) == 1.0


def test_union_keeps_the_first_of_equal_values() -> None:
    assert union(["a", "b"], ["b", "c", "a"]) == ["a", "b", "c"]
    assert union([{"x": 1, "y": 2}], [{"y": 2, "x": 1}]) == [{"x": 1, "y": 2}]
    assert list(map(repr, union([1, 1.0], [True, "1", 1]))) == ["1", "1.0", "True", "'1'"]
    assert union([{1: 0}], [{"1": 0}]) == [{1: 0}, {"1": 0}]


def test_upsert_puts_the_latest_in_the_place_of_the_earliest() -> None:
    rows = upsert("id")([{"id": 1, "by": "a"}, {"id": 2, "by": "a"}], [{"id": 1, "by": "b"}, {}])
    assert rows == [{"id": 1, "by": "b"}, {"id": 2, "by": "a"}]


def test_merge_lets_the_right_value_win() -> None:
    assert merge({"a": 1, "b": 1}, {"b": None}) == {"a": 1, "b": None}


def test_deep_merge_lets_the_right_value_win_unless_only_the_left_is_a_dict() -> None:
    left = {"a": {"x": 1}, "b": {"y": 1}, "c": 1, "d": 1}
    right = {"a": {"z": 2}, "b": 3, "c": {"x": 1}, "d": 2}
    assert deep_merge(left, right) == {
        "a": {"x": 1, "z": 2},
        "b": {"y": 1},
        "c": {"x": 1},
        "d": 2,
    }


def test_deep_merge_is_associative_where_dicts_and_other_values_meet() -> None:
    inner: list[Any] = [None, 1, {}, {"x": 1}, {"x": {"y": 1}}, {"x": {"z": 2}}, {"y": 1}]
    check(deep_merge, [{"a": value} for value in inner], empty={}, idempotent=True)


def test_tally_adds_up_and_drops_what_is_not_a_whole_number() -> None:
    assert tally({"yes": 1}, {"yes": 2, "no": -1}) == {"yes": 3, "no": -1}
    assert tally({"yes": 1.5, "no": True, "maybe": "1"}, None) == {}  # type: ignore[dict-item]


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1, max_size=20), st.randoms())
@quick
def test_a_mean_is_exact_and_does_not_depend_on_the_order_of_its_values(
    values: list[float], chance: Any
) -> None:
    shuffled = values.copy()
    chance.shuffle(shuffled)
    kept: Any = None
    for value in shuffled:
        kept = mean(kept, mean_of(value))
    assert kept == mean_of(*values)
    assert average(kept) == float(sum(map(Fraction, values)) / len(values))


def test_the_mean_of_no_values_is_none() -> None:
    assert average(None) is None
    assert average(mean(None, mean_of())) is None
    assert mean_of(math.inf, math.nan, 10**400, True, None) == {}  # type: ignore[arg-type]


@pytest.mark.parametrize("written", NOT_MEANS)
def test_what_is_no_mean_counts_as_none(written: Any) -> None:
    assert mean(mean_of(1.5), written) == mean_of(1.5)
    assert average(written) is None


def test_the_mean_of_the_largest_numbers_is_still_a_number() -> None:
    largest = mean_of(1.7976931348623157e308)
    for _ in range(20):
        largest = mean(largest, largest)
    assert average(largest) == 1.7976931348623157e308


def test_rank_fusion_scores_by_the_reciprocal_of_the_rank() -> None:
    fused = ranked(rank_fusion(ranks_of(["a", "b"]), ranks_of(["b", "c", "b"])))
    assert [document for document, _ in fused] == ["b", "a", "c"]
    assert dict(fused) == {
        "a": pytest.approx(1 / 61),
        "b": pytest.approx(1 / 62 + 1 / 61),
        "c": pytest.approx(1 / 62),
    }


@given(st.permutations([ranks_of("abc"), ranks_of("bca"), ranks_of("cd"), ranks_of("d")]))
def test_the_fused_ranking_is_the_same_in_any_order_of_branches(order: list[Any]) -> None:
    kept: Any = None
    for written in order:
        kept = rank_fusion(kept, written)
    assert [document for document, _ in ranked(kept)] == ["c", "b", "d", "a"]


@pytest.mark.parametrize("written", [None, {}, "text", {1: [1]}, *NOT_RANKS])
def test_what_is_no_rank_counts_for_nothing(written: Any) -> None:
    assert dict(ranked(written)) in ({}, {"a": 1 / 62})
