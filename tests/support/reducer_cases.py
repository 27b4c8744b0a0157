"""Every reducer with values to write and what its docstring claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from reducers import (
    add,
    deep_merge,
    keep_max,
    keep_min,
    mean,
    mean_of,
    merge,
    rank_fusion,
    ranks_of,
    tally,
    top_k,
    union,
    upsert,
)
from reducers.laws import STRAYS
from reducers.numbers import Mean

# Few names and few values, so that they meet.
name = st.sampled_from(["a", "b"])
scalar = st.sampled_from([None, True, 0, 1, -1, 1.0, -0.5, float("nan"), "a", "b"])
value = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(name, inner, max_size=2),
    max_leaves=4,
)
number = st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=True)
row = st.dictionaries(st.sampled_from(["id", "score"]), scalar | number, max_size=2)
table = st.dictionaries(name, value, max_size=2)
counts = st.dictionaries(name, st.integers(-9, 9), max_size=2)
means = st.lists(number, max_size=3).map(lambda values: mean_of(*values))
ranks = st.lists(st.sampled_from("abc"), max_size=4).map(ranks_of)

NOT_MEANS: list[Any] = [
    {"sum": total, "count": count}
    for total in (
        "1/0",
        "1/3",
        "x",
        "",
        "1e999999999",
        "9" * 5000,
        float("inf"),
        None,
        [1],
        "1/2/3",
    )
    for count in (1, 0)
] + [{"sum": "1", "count": count} for count in (True, -1, 0, 1.5, "1", None)]
NOT_RANKS: list[Any] = [{"a": ranks} for ranks in (1, [0], [True], ["1"], [None, 2], None)]
stray = st.sampled_from([*STRAYS, *NOT_MEANS, *NOT_RANKS, {"a": 1.5}, [{"id": []}], (1, 2)])


@dataclass(frozen=True)
class Case:
    name: str
    reducer: Any
    declared: Any
    """The type of the key."""
    writes: st.SearchStrategy[Any]
    empty: Any
    commutative: bool = False
    idempotent: bool = False
    documented: Any = None
    """What bears the docstring, where it is not the reducer itself."""


CASES = [
    Case("add", add, list[Any], st.lists(value, max_size=3), []),
    Case("union", union, list[Any], st.lists(value, max_size=3), [], idempotent=True),
    Case(
        "upsert",
        upsert("id"),
        list[Any],
        st.lists(row, max_size=3),
        [],
        idempotent=True,
        documented=upsert,
    ),
    Case(
        "top_k",
        top_k(2),
        list[Any],
        st.lists(number, max_size=4),
        [],
        commutative=True,
        documented=top_k,
    ),
    Case(
        "top_k_by_key",
        top_k(3, key="score"),
        list[Any],
        st.lists(row, max_size=4),
        [],
        commutative=True,
        documented=top_k,
    ),
    Case("merge", merge, dict[str, Any], table, {}, idempotent=True),
    Case("deep_merge", deep_merge, dict[str, Any], table, {}, idempotent=True),
    Case("tally", tally, dict[str, int], counts, {}, commutative=True),
    Case("keep_max", keep_max, float | None, number, None, commutative=True, idempotent=True),
    Case("keep_min", keep_min, float | None, number, None, commutative=True, idempotent=True),
    Case("mean", mean, Mean, means, {}, commutative=True),
    Case("rank_fusion", rank_fusion, dict[str, list[int]], ranks, {}, commutative=True),
]
