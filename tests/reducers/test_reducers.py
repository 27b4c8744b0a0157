"""Every law that a docstring claims, on the bare function and on LangGraph's own channel."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.channels import BinaryOperatorAggregate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph
from langgraph.types import Overwrite
from typing_extensions import TypedDict

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
    tally,
    top_k,
    union,
    upsert,
)
from reducers.laws import check

number = st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | st.sampled_from([0, -1, 1, 0.0])
text = st.text("abc", max_size=2)
plain = st.none() | st.booleans() | number | text
value = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2)
)
junk = st.none() | st.just("junk") | st.integers(-2, 2) | st.just([[]]) | st.just(float("nan"))
row = st.dictionaries(st.sampled_from(["id", "score", "x"]), plain, max_size=3)
ranking = st.lists(text, max_size=4)

CASES: dict[str, tuple[Any, Any, Any, bool, bool]] = {
    # name: reducer, samples of its own type, empty value, commutative, idempotent
    "add": (add, st.lists(value, max_size=3), [], False, False),
    "union": (union, st.lists(value, max_size=3), [], False, True),
    "upsert": (upsert("id"), st.lists(row, max_size=3), [], False, True),
    "top_k": (top_k(2), st.lists(number, max_size=4), [], True, False),
    "top_k by key": (top_k(3, key="score"), st.lists(row, max_size=4), [], True, False),
    "merge": (merge, st.dictionaries(text, value, max_size=3), {}, False, True),
    "deep_merge": (deep_merge, st.dictionaries(text, value, max_size=3), {}, False, True),
    "tally": (tally, st.dictionaries(text, st.integers(-9, 9), max_size=3), {}, True, False),
    "keep_max": (keep_max, number, None, True, True),
    "keep_min": (keep_min, number, None, True, True),
    "mean": (mean, st.lists(number, max_size=3).map(lambda v: mean_of(*v)), {}, True, False),
    "rank_fusion": (rank_fusion, st.dictionaries(text, ranking, max_size=3), {}, False, True),
}
each = pytest.mark.parametrize("name", CASES)


def claims(function: Callable[..., Any]) -> str:
    return " ".join((function.__doc__ or "").split())


@each
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_laws_hold_for_its_own_type_and_for_junk(name: str, data: st.DataObject) -> None:
    reducer, own, empty, commutative, idempotent = CASES[name]
    samples = data.draw(st.lists(own | junk, max_size=4))
    check(reducer, samples, empty=empty, commutative=commutative, idempotent=idempotent)


def test_the_docstrings_claim_what_is_tested() -> None:
    factories = {"upsert": upsert, "top_k": top_k, "top_k by key": top_k}
    for name, (reducer, *_, commutative, idempotent) in CASES.items():
        said = claims(factories.get(name, reducer)).casefold()
        assert ("not commutative" not in said) == commutative or name == "rank_fusion", name
        assert ("not idempotent" not in said) == idempotent, name


def channel(reducer: Any, typ: Any) -> BinaryOperatorAggregate[Any]:
    made = BinaryOperatorAggregate(typ, reducer)
    made.key = "key"
    return made


TYPES: dict[str, Any] = {
    name: {"keep_max": float | None, "keep_min": float | None}.get(name)
    or (list if isinstance(case[2], list) else dict)
    for name, case in CASES.items()
}


def settled(name: str, writes: list[Any]) -> Any:
    """Apply writes one superstep each on LangGraph's channel; None when it stays empty."""
    made = channel(CASES[name][0], TYPES[name])
    for write in writes:
        made.update([write])
    return made.get() if made.is_available() else None


@each
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_on_the_channel_one_superstep_or_several_make_no_difference(
    name: str, data: st.DataObject
) -> None:
    writes = data.draw(st.lists(CASES[name][1], min_size=1, max_size=4))
    at_once = channel(CASES[name][0], TYPES[name])
    at_once.update(writes)
    assert repr(at_once.get()) == repr(settled(name, writes))


@each
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_on_the_channel_the_order_of_branches_matters_only_where_it_is_said(
    name: str, data: st.DataObject
) -> None:
    reducer, own, _, commutative, idempotent = CASES[name]
    writes = data.draw(st.lists(own, min_size=1, max_size=3))
    if TYPES[name] in (list, dict):
        writes = [reducer(None, write) for write in writes]
    if commutative:
        first, *others = [settled(name, list(p)) for p in itertools.permutations(writes)]
        assert all(other == first for other in others)
    if idempotent:
        assert settled(name, [*writes, writes[-1]]) == settled(name, writes)


@each
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_the_result_survives_being_stored(name: str, data: st.DataObject) -> None:
    reducer, own, *_ = CASES[name]
    result = reducer(data.draw(own), data.draw(own))
    serde = JsonPlusSerializer(pickle_fallback=False)
    assert repr(serde.loads_typed(serde.dumps_typed(result))) == repr(result)


class State(TypedDict, total=False):
    n: int
    scores: Annotated[list[float], add]
    top: Annotated[float | None, keep_max]
    low: Annotated[float | None, keep_min]
    words: Annotated[dict[str, int], tally]
    best: Annotated[list[dict[str, Any]], top_k(2, key="score")]
    rows: Annotated[list[dict[str, Any]], upsert("id")]


class Output(TypedDict, total=False):
    best: Annotated[list[dict[str, Any]], top_k(2, key="score")]
    rows: Annotated[list[dict[str, Any]], upsert("id")]
    top: Annotated[float | None, keep_max]
    low: Annotated[float | None, keep_min]
    words: Annotated[dict[str, int], tally]


def writer(number: int) -> Any:
    async def node(state: State) -> State:
        for _ in range(5 - number):  # the last finishes first
            await asyncio.sleep(0)
        return {
            "scores": [float(number)],
            "top": -float(number),
            "low": float(number),
            "words": {"all": 1, str(number): number},
            "best": [{"id": number, "score": -number}],
            "rows": [{"id": number % 2, "by": number}],
        }

    return node


async def test_parallel_branches_are_reduced_in_a_real_graph() -> None:
    builder = StateGraph(State, output_schema=Output)
    for number in (1, 2, 3, 4):
        builder.add_node(f"b{number}", writer(number))
        builder.add_edge(START, f"b{number}")
    result = await builder.compile().ainvoke({"n": 1})
    assert result == {
        "top": -1.0,
        "low": 1.0,
        "words": {"all": 4, "1": 1, "2": 2, "3": 3, "4": 4},
        "best": [{"id": 1, "score": -1}, {"id": 2, "score": -2}],
        "rows": [{"id": 1, "by": 3}, {"id": 0, "by": 4}],
    }


async def test_values_that_were_streamed_are_not_changed_by_later_writes() -> None:
    builder = StateGraph(State)
    builder.add_node("first", writer(1))
    builder.add_node("second", writer(2))
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    values = [v async for v in builder.compile().astream({"n": 1}, stream_mode="values")]
    assert [len(value["scores"]) for value in values] == [0, 1, 2]
    assert [value["words"].get("all", 0) for value in values] == [0, 1, 2]


async def test_an_overwrite_empties_a_key_that_holds_a_value() -> None:
    async def reset(state: State) -> dict[str, Any]:
        return {"scores": Overwrite([]), "top": Overwrite(None), "words": Overwrite({})}

    builder = StateGraph(State)
    builder.add_node("first", writer(3))
    builder.add_node("reset", reset)
    builder.add_node("last", writer(4))
    builder.add_edge(START, "first")
    builder.add_edge("first", "reset")
    builder.add_edge("reset", "last")
    config: Any = {"configurable": {"thread_id": "t"}}
    result = await builder.compile(checkpointer=InMemorySaver()).ainvoke({"n": 1}, config)
    assert (result["scores"], result["top"]) == ([4.0], -4.0)
    assert result["words"] == {"all": 1, "4": 4}


def test_a_reducer_with_equal_arguments_is_one_function_with_a_name() -> None:
    assert top_k(3, key="score") is top_k(3, key="score")
    assert upsert("url") is upsert("url")
    assert top_k(3) is not top_k(4)
    assert top_k(3, key="score").__name__ == "top_3_by_score"
    assert upsert("url").__name__ == "upsert_by_url"


def test_keep_max_keeps_negatives_and_works_before_the_first_write() -> None:
    assert keep_max(None, -5.0) == -5.0
    assert keep_max(-5.0, -7.0) == -5.0
    assert keep_min(None, 5.0) == 5.0
    assert keep_max(None, None) is None
    assert keep_max(float("nan"), 1.0) == 1.0


def test_union_keeps_the_first_of_equal_values() -> None:
    assert union(["a", "b"], ["b", "c", "a"]) == ["a", "b", "c"]
    assert union([{"x": 1, "y": 2}], [{"y": 2, "x": 1}]) == [{"x": 1, "y": 2}]
    assert union([1], [True]) == [1, True]


def test_deep_merge_goes_into_dicts_on_both_sides_only() -> None:
    left, right = {"a": {"x": 1}, "b": {"y": 1}}, {"a": {"z": 2}, "b": 3}
    assert deep_merge(left, right) == {"a": {"x": 1, "z": 2}, "b": 3}


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20), st.randoms())
def test_a_mean_does_not_depend_on_the_order_of_its_values(
    values: list[float], chance: Any
) -> None:
    def folded(order: list[float]) -> float | None:
        kept: Any = None
        for each_value in order:
            kept = mean(kept, mean_of(each_value))
        return average(kept)

    shuffled = values.copy()
    chance.shuffle(shuffled)
    assert folded(values) == folded(shuffled)
    assert average(mean(None, None)) is None


def test_rank_fusion_scores_by_the_reciprocal_of_the_rank() -> None:
    fused = ranked(rank_fusion({"q1": ["a", "b"]}, {"q2": ["b", "c", "b"]}))
    assert [document for document, _ in fused] == ["b", "a", "c"]
    assert dict(fused)["b"] == pytest.approx(1 / 62 + 1 / 61)
    assert ranked(None) == []


def test_every_reducer_is_exported() -> None:
    assert set(reducers.__all__) >= {"add", "keep_max", "merge", "tally", "top_k", "upsert", "mean"}
