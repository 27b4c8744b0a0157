"""Wrong wiring fails when the graph is built, with a sentence that says what to change."""

from __future__ import annotations

import functools
import sys
import typing
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from langgraph.types import Command, RetryPolicy
from pydantic import Field
from support.toys import Bench, ToyInput, ToyOutput, ToyState, ToyWrites, count_out, fan, mapping
from typing_extensions import TypedDict

from graphs.builders import Branch
from reducers import add
from state import Context, ParallelState

if TYPE_CHECKING:
    from nowhere import Hidden

good = Bench().branch("good")


class Plain(TypedDict):
    total: int


async def writes_total(state: ToyState) -> Plain:
    return {"total": 1}


async def writes_unknown(state: ToyState) -> Unknown:
    return {"nowhere": 1}


class Unknown(TypedDict):
    nowhere: int


class Status(TypedDict):
    status: str


async def writes_status(state: ToyState) -> Status:
    return {"status": "complete"}


async def returns_command(state: ToyState) -> Command[Any]:
    return Command(goto="join")


async def returns_union(state: ToyState) -> ToyWrites | None:
    return None


async def returns_list(state: ToyState) -> list[str]:
    return []


async def takes_config(state: ToyState, config: dict[str, Any]) -> ToyWrites:
    return {}


async def takes_nothing() -> ToyWrites:
    return {}


def sync(state: ToyState) -> ToyWrites:
    return {}


class HiddenReducer(ParallelState, total=False):
    x: int
    out: Annotated[list[str], add, Field(description="The reducer is not the last.")]


class BuiltinReducer(ParallelState, total=False):
    x: int
    top: Annotated[int, max]


def three(left: Any, right: Any, more: Any) -> Any:
    return left


class ThreeArguments(ParallelState, total=False):
    x: int
    out: Annotated[list[str], three]


class PartialReducer(ParallelState, total=False):
    x: int
    out: Annotated[list[str], functools.partial(add)]


class NotParallel(TypedDict):
    x: int


class ReducedInput(TypedDict):
    out: list[str]


class StrangeInput(TypedDict):
    y: int


class StrangeOutput(TypedDict):
    z: int


REFUSED: list[tuple[dict[str, Any], type[Exception], list[str]]] = [
    ({"branches": {}}, ValueError, ["there are no branches"]),
    ({"branches": {"a": sync}}, TypeError, ["branch 'a'", "async", "sync"]),
    ({"branches": {"a": []}}, ValueError, ["branch 'a'", "no steps"]),
    ({"branches": {"join": good}}, ValueError, ["'join'", "reserved"]),
    ({"branches": {"worker": good}}, ValueError, ["'worker'", "reserved"]),
    ({"branches": {"out": good}}, ValueError, ["'out'", "state key"]),
    ({"branches": {"a.b": good}}, ValueError, ["'a.b'", "cannot name a branch"]),
    ({"branches": {"": good}}, ValueError, ["''", "cannot name a branch"]),
    ({"quorum": 0}, ValueError, ["quorum=0", "at least 1 and at most 1"]),
    ({"quorum": 2}, ValueError, ["quorum=2", "at most 1"]),
    ({"quorum": 1.5}, ValueError, ["quorum=1.5", "between 0 and 1"]),
    ({"quorum": True}, ValueError, ["quorum=True"]),
    ({"branches": {"a": writes_total, "b": writes_total}}, ValueError, ["'a' and 'b'", "'total'"]),
    ({"branches": {"a": writes_unknown}}, ValueError, ["branch 'a'", "nowhere", "add the key"]),
    ({"branches": {"a": writes_status}}, ValueError, ["branch 'a'", "status", "Braid keeps"]),
    ({"branches": {"a": returns_command}}, TypeError, ["branch 'a'", "Command", "TypedDict"]),
    ({"branches": {"a": returns_union}}, TypeError, ["branch 'a'", "union"]),
    ({"branches": {"a": returns_list}}, TypeError, ["branch 'a'", "list", "TypedDict"]),
    ({"branches": {"a": takes_config}}, TypeError, ["branch 'a'", "(state, runtime)"]),
    ({"branches": {"a": takes_nothing}}, TypeError, ["branch 'a'", "must take (state)"]),
    ({"aggregator": sync}, TypeError, ["the aggregator", "async"]),
    ({"aggregator": writes_unknown}, ValueError, ["the aggregator", "nowhere"]),
    ({"state": HiddenReducer}, TypeError, ["'out'", "add", "must come last"]),
    ({"state": BuiltinReducer}, ValueError, ["cannot call the reducer max", "'top'"]),
    ({"state": ThreeArguments}, ValueError, ["three", "two arguments"]),
    ({"state": PartialReducer}, ValueError, ["'out'", "two arguments"]),
    ({"state": NotParallel}, TypeError, ["NotParallel", "extends ParallelState"]),
    ({"state": dict}, TypeError, ["dict", "extends ParallelState"]),
    ({"input": ReducedInput}, ValueError, ["input field 'out'", "reducer"]),
    ({"input": StrangeInput}, ValueError, ["input field 'y'", "not in the state"]),
    ({"output": StrangeOutput}, ValueError, ["output field 'z'", "not in the state"]),
    ({"timeout": 0}, ValueError, ["timeout", "more than 0 seconds"]),
    ({"max_parallel": 0}, ValueError, ["max_parallel", "at least 1"]),
    ({"retry": 3}, TypeError, ["RetryPolicy", "int"]),
    ({"retry": RetryPolicy(max_attempts=0)}, ValueError, ["max_attempts", "at least 1"]),
    ({"on_shortfall": "hope"}, ValueError, ["on_shortfall", "'hope'"]),
    (
        {"branches": {"a": Branch(good, timeout=-1)}},
        ValueError,
        ["branch 'a'", "timeout", "more than 0"],
    ),
]


@pytest.mark.parametrize(("change", "error", "words"), REFUSED, ids=[str(r[2]) for r in REFUSED])
def test_a_declaration_that_cannot_work_is_refused_by_name(
    change: dict[str, Any], error: type[Exception], words: list[str]
) -> None:
    with pytest.raises(error) as raised:
        fan(**{"branches": {"a": good}, **change}).compile()
    sentence = str(raised.value)
    assert sentence.startswith("toy")
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


def test_a_worker_may_not_write_a_key_without_a_reducer() -> None:
    with pytest.raises(ValueError, match="every item writes 'total'"):
        mapping(writes_total).compile()


@pytest.mark.parametrize("size", [0, -1])
def test_a_chunk_size_below_one_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="chunk_size must be at least 1"):
        mapping(Bench().worker(), chunk_size=size).compile()


def test_a_split_that_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="split must be a function"):
        mapping(Bench().worker(), split={"a": 1}).compile()


class Callable_:
    async def __call__(self, state: ToyState) -> Plain:
        return {"total": 1}


async def keyed(state: ToyState, key: str) -> Plain:
    return {"total": 1}


def wrapper(function: Any) -> Any:
    @functools.wraps(function)
    async def call(*args: Any) -> Any:
        return await function(*args)

    return call


DECLARES = {
    "function": writes_total,
    "partial": functools.partial(keyed, key="k"),
    "wrapped": wrapper(writes_total),
    "wrapped partial": functools.partial(wrapper(keyed), key="k"),
    "callable object": Callable_(),
    "bound method": Callable_().__call__,
}


@pytest.mark.parametrize("name", DECLARES)
def test_what_a_branch_writes_is_read_through_wrappers(name: str) -> None:
    with pytest.raises(ValueError, match="both write 'total'"):
        fan({"a": DECLARES[name], "b": writes_total}).compile()


async def no_annotation(state):  # type: ignore[no-untyped-def]
    return {"out": ["n"]}


async def plain_dict(state: ToyState) -> dict[str, Any]:
    return {"out": ["p"]}


async def hidden_return(state: ToyState) -> Hidden:
    return {"out": ["h"]}


async def hidden_parameter(state: Hidden, runtime: Hidden) -> ToyWrites:
    return {"out": [type(runtime).__name__]}


async def nothing(state: ToyState) -> None:
    return None


async def test_a_branch_that_declares_nothing_is_checked_when_it_runs() -> None:
    branches = {
        "a": no_annotation,
        "b": plain_dict,
        "c": hidden_return,
        "d": hidden_parameter,
        "e": nothing,
    }
    result = await fan(branches).compile().ainvoke({"x": 1})
    assert result["out"] == ["n", "p", "h", "Runtime"]
    assert result["status"] == "complete"


def test_the_builder_gives_an_ordinary_graph_that_can_be_extended() -> None:
    builder = fan({"a": good}).builder()
    builder.add_node("after", count_out)
    builder.add_edge("aggregate", "after")
    assert {"fork", "a", "join", "aggregate", "after"} <= set(builder.compile().nodes)


def test_one_declaration_compiles_as_often_as_wanted() -> None:
    workflow = fan({"a": good})
    assert workflow.compile() is not workflow.compile()


def test_the_schemas_are_the_declared_ones() -> None:
    graph = fan({"a": good}).compile()
    assert set(graph.get_input_jsonschema()["properties"]) == set(ToyInput.__annotations__)
    assert set(graph.get_output_jsonschema()["properties"]) == set(ToyOutput.__annotations__)


@pytest.mark.parametrize("limit", [0, -1, 1.5, "2"])
def test_a_run_may_not_ask_for_less_than_one_slot(limit: Any) -> None:
    with pytest.raises(ValueError, match="whole number of at least 1"):
        Context(max_parallel=limit)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pydantic reads it from Python 3.12 on")
def test_an_input_that_pydantic_cannot_read_is_refused_when_the_graph_is_built() -> None:
    unreadable = typing.TypedDict("unreadable", {"x": int})  # type: ignore[operator]  # noqa: UP013
    with pytest.raises(TypeError, match=r"make unreadable with typing_extensions\.TypedDict"):
        fan({"a": good}, input=unreadable).builder()
