"""The same laws on LangGraph's own channel, and in graphs whose branches run in parallel."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Iterable
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.channels import BinaryOperatorAggregate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Overwrite
from support.reducer_cases import CASES, Case, stray
from typing_extensions import TypedDict

from reducers import average, keep_max, mean_of, ranked, ranks_of, top_k

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
quick = settings(max_examples=20, deadline=None)

Kept: Any = TypedDict(
    "Kept",
    {case.name: Annotated[case.declared, case.reducer] for case in CASES},
    total=False,
)


def channel_of(case: Case) -> BinaryOperatorAggregate[Any]:
    """Return the channel that LangGraph makes of the key."""
    made = StateGraph(Kept).channels[case.name]
    assert isinstance(made, BinaryOperatorAggregate)
    return made


def settled(case: Case, supersteps: Iterable[list[Any]]) -> Any:
    """Return what the key holds after the writes of each superstep, restored in between."""
    channel = channel_of(case)
    for writes in supersteps:
        channel.update(copy.deepcopy(writes))
        channel = channel.from_checkpoint(channel.checkpoint())
    return channel.get() if channel.is_available() else None


def alike(one: Any, other: Any) -> bool:
    return bool(one == other) or repr(one) == repr(other)


@each
@given(data=st.data())
@quick
def test_one_superstep_or_several_make_no_difference(case: Case, data: st.DataObject) -> None:
    writes = data.draw(st.lists(case.writes | stray, min_size=2, max_size=4))
    at_once, one_by_one = settled(case, [writes]), settled(case, [[write] for write in writes])
    assert alike(at_once, one_by_one)


@each
@given(data=st.data())
@quick
def test_writes_that_a_chunk_has_joined_count_like_single_ones(
    case: Case, data: st.DataObject
) -> None:
    writes = data.draw(st.lists(case.writes, min_size=3, max_size=3))
    a, b, c = writes
    joined = case.reducer(case.reducer(None, b), c)
    assert alike(settled(case, [[a, joined]]), settled(case, [writes]))


@each
@given(data=st.data())
@quick
def test_the_order_of_branches_matters_only_where_it_is_said(
    case: Case, data: st.DataObject
) -> None:
    writes = data.draw(st.lists(case.writes, min_size=2, max_size=3))
    results = [settled(case, [list(order)]) for order in itertools.permutations(writes)]
    if case.commutative:
        assert all(alike(result, results[0]) for result in results)


@each
@given(data=st.data())
@quick
def test_a_write_that_is_applied_again_changes_nothing_where_it_is_said(
    case: Case, data: st.DataObject
) -> None:
    writes = data.draw(st.lists(case.writes, min_size=1, max_size=3))
    if case.idempotent:
        again = settled(case, [writes, writes[-1:]])
        assert alike(again, settled(case, [writes]))


@each
@given(data=st.data())
@quick
def test_what_the_key_held_before_is_never_changed(case: Case, data: st.DataObject) -> None:
    channel, seen = channel_of(case), []
    for write in data.draw(st.lists(case.writes, max_size=4)):
        channel.update([write])
        seen.append((channel.get(), repr(channel.get())))
    assert [repr(value) for value, _ in seen] == [was for _, was in seen]


@each
def test_the_first_write_counts_and_none_does_not(case: Case) -> None:
    some = case.writes.filter(lambda value: case.reducer(None, value) != case.empty)

    @given(write=some)
    @quick
    def holds(write: Any) -> None:
        assert alike(settled(case, [[None, write, None]]), case.reducer(None, write))

    holds()


def written(n: int) -> dict[str, Any]:
    """Return what branch n writes: to every key."""
    return {
        "add": [n],
        "union": ["all", n],
        "upsert": [{"id": n % 2, "by": n}],
        "top_k": [-n],
        "top_k_by_key": [{"id": n, "score": -n}],
        "merge": {"all": n, str(n): n},
        "deep_merge": {"all": {str(n): n}},
        "tally": {"all": 1, str(n): n},
        "keep_max": -float(n),
        "keep_min": float(n),
        "mean": mean_of(n, n / 10),
        "rank_fusion": ranks_of(["x", str(n)]),
    }


ALL_FOUR: dict[str, Any] = {
    "add": [1, 2, 3, 4],
    "union": ["all", 1, 2, 3, 4],
    "upsert": [{"id": 1, "by": 3}, {"id": 0, "by": 4}],
    "top_k": [-1, -2],
    "top_k_by_key": [{"id": n, "score": -n} for n in (1, 2, 3)],
    "merge": {"all": 4, "1": 1, "2": 2, "3": 3, "4": 4},
    "deep_merge": {"all": {"1": 1, "2": 2, "3": 3, "4": 4}},
    "tally": {"all": 4, "1": 1, "2": 2, "3": 3, "4": 4},
    "keep_max": -1.0,
    "keep_min": 1.0,
    "mean": mean_of(1, 2, 3, 4, 0.1, 0.2, 0.3, 0.4),
    "rank_fusion": {"x": [1, 1, 1, 1], "1": [2], "2": [2], "3": [2], "4": [2]},
}


class Side:
    """Branches that wait for each other, and end in the opposite order of their names."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.started: list[int] = []
        self.ended: list[int] = []

    def branch(self, n: int) -> Any:
        async def run(state: Any) -> Any:
            self.started.append(n)
            while len(self.started) < self.count or len(self.ended) < self.count - n:
                await asyncio.sleep(0)
            self.ended.append(n)
            return written(n)

        return run


async def test_parallel_branches_meet_in_every_kind_of_key() -> None:
    side, builder = Side(4), StateGraph(Kept)
    for n in (3, 1, 4, 2):
        builder.add_node(f"b{n}", side.branch(n))
        builder.add_edge(START, f"b{n}")
    result = await builder.compile().ainvoke({"merge": {}})
    assert side.ended == [4, 3, 2, 1]
    assert result == ALL_FOUR
    assert average(result["mean"]) == pytest.approx(1.375)
    assert [document for document, _ in ranked(result["rank_fusion"])] == ["x", "1", "2", "3", "4"]


def chain(*steps: Any) -> Any:
    builder = StateGraph(Kept)
    for n, step in enumerate(steps):
        builder.add_node(f"s{n}", step)
        builder.add_edge(START if n == 0 else f"s{n - 1}", f"s{n}")
    return builder


def writes(update: Any) -> Any:
    async def run(state: Any) -> Any:
        return update

    return run


async def test_values_that_were_streamed_are_not_changed_by_later_writes() -> None:
    graph = chain(*(writes(written(n)) for n in (1, 2, 3, 4))).compile()
    seen = [
        (values, copy.deepcopy(values))
        async for values in graph.astream({"merge": {}}, stream_mode="values")
    ]
    assert [values for values, _ in seen] == [was for _, was in seen]
    assert [len(values["add"]) for values, _ in seen] == [0, 1, 2, 3, 4]
    assert seen[-1][0] == ALL_FOUR


async def test_after_an_overwrite_a_key_holds_what_came_later_only() -> None:
    reset = {case.name: Overwrite(case.empty) for case in CASES}
    graph = chain(writes(written(1)), writes(reset), writes(written(2))).compile(InMemorySaver())
    fresh = chain(writes(written(2))).compile()
    config: Any = {"configurable": {"thread_id": "one"}}
    assert await graph.ainvoke({"merge": {}}, config) == await fresh.ainvoke({"merge": {}})


async def test_the_first_write_to_a_list_is_reduced_like_every_other() -> None:
    graph = chain(writes({"top_k": [1, 3, 2, "x"]})).compile()
    assert (await graph.ainvoke({"merge": {}}))["top_k"] == [3, 2]


class Left(TypedDict, total=False):
    best: Annotated[list[Any], top_k(2, key="score")]
    most: Annotated[float | None, keep_max]


class Right(TypedDict, total=False):
    best: Annotated[list[Any], top_k(k=2, key="score")]
    most: Annotated[float | None, keep_max]


async def test_two_schemas_may_declare_one_key_with_equal_arguments() -> None:
    builder = StateGraph(Left, output_schema=Right)
    for n in (1, 2, 3):
        builder.add_node(f"b{n}", writes({"best": [{"score": n}], "most": -float(n)}))
        builder.add_edge(START, f"b{n}")
    result = await builder.compile().ainvoke({})
    assert result == {"best": [{"score": 3}, {"score": 2}], "most": -1.0}
