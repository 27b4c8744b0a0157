"""What LangGraph does and Braid relies on: each fails on the day that LangGraph changes it."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Overwrite, Send, interrupt
from support.toys import on
from typing_extensions import TypedDict

from graphs.superstep import address, asked_before
from state import current_checkpointer


class State(TypedDict, total=False):
    x: int
    out: Annotated[list[Any], operator.add]
    top: Annotated[float | None, lambda left, right: right]


def graph_of(nodes: dict[str, Any]) -> StateGraph[Any, Any, Any, Any]:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(START, name)
    return builder


async def test_siblings_share_a_checkpoint_id_and_two_runs_do_not() -> None:
    seen: list[tuple[str, int]] = []

    async def node(state: State, runtime: Runtime[None]) -> State:
        assert runtime.execution_info is not None
        seen.append((runtime.execution_info.checkpoint_id, id(runtime.control)))
        return {}

    for saver in (None, InMemorySaver()):
        seen.clear()
        graph = graph_of({"a": node, "b": node}).compile(checkpointer=saver)
        await graph.ainvoke({"x": 1}, on("t"))
        await graph.ainvoke({"x": 1}, on("t"))
        assert seen[0] == seen[1]
        assert seen[2] == seen[3]
        assert seen[0][0] != seen[2][0]


async def test_a_run_and_its_resumption_differ_in_their_control_alone() -> None:
    seen: list[tuple[str, Any]] = []
    broken = True

    async def node(state: State, runtime: Runtime[None]) -> State:
        assert runtime.execution_info is not None
        seen.append((runtime.execution_info.checkpoint_id, runtime.control))
        if broken:
            raise ValueError
        return {}

    graph = graph_of({"a": node}).compile(checkpointer=InMemorySaver())
    with pytest.raises(ValueError):  # noqa: PT011 - the class is all there is
        await graph.ainvoke({"x": 1}, on("t"))
    broken = False
    await graph.ainvoke(None, on("t"))
    assert seen[0][0] == seen[1][0]
    assert seen[0][1] is not seen[1][1]


async def test_the_config_tells_whether_there_is_a_checkpointer_and_the_thread_id_does_not() -> (
    None
):
    seen: list[Any] = []

    async def node(state: State, runtime: Runtime[None]) -> State:
        assert runtime.execution_info is not None
        seen.append((type(current_checkpointer()), runtime.execution_info.thread_id))
        return {}

    saver = InMemorySaver()
    await graph_of({"a": node}).compile().ainvoke({"x": 1}, on("t"))
    await graph_of({"a": node}).compile(checkpointer=saver).ainvoke({"x": 1}, on("t"))
    assert seen == [(type(None), "t"), (InMemorySaver, "t")]


async def test_a_tasks_own_checkpoint_can_be_read_and_written_from_inside_it() -> None:
    found: list[Any] = []

    async def node(state: State, runtime: Runtime[Any]) -> State:
        saver, where = current_checkpointer(), address(runtime)
        assert saver is not None
        await saver.aput_writes(where, [("nowhere", {"kept": 1})], "task of nobody")
        stored = await saver.aget_tuple(where)
        assert stored is not None
        found.extend(stored.pending_writes or ())
        return {"out": ["done"]}

    graph = graph_of({"a": node}).compile(checkpointer=InMemorySaver())
    result = await graph.ainvoke({"x": 1}, on("t"))
    assert ("task of nobody", "nowhere", {"kept": 1}) in found
    assert result["out"] == ["done"]


async def test_a_task_that_raised_finds_its_error_when_it_is_resumed() -> None:
    asked: list[bool] = []

    async def node(state: State, runtime: Runtime[Any]) -> State:
        asked.append(await asked_before(runtime))
        if len(asked) == 1:
            raise ValueError("first time")
        return {}

    graph = graph_of({"a": node}).compile(checkpointer=InMemorySaver())
    with pytest.raises(ValueError, match="first time"):
        await graph.ainvoke({"x": 1}, on("t"))
    await graph.ainvoke(None, on("t"))
    assert asked == [False, True]


async def test_an_overwrite_sent_to_an_empty_channel_is_stored_as_an_object() -> None:
    async def node(state: State) -> dict[str, Any]:
        return {"top": Overwrite(1.0)}

    result = await graph_of({"a": node}).compile().ainvoke({"x": 1})
    assert isinstance(result["top"], Overwrite)


async def test_a_deferred_node_with_plain_edges_runs_once_after_the_longest_branch() -> None:
    ran: list[str] = []

    def say(name: str) -> Any:
        async def node(state: State) -> State:
            ran.append(name)
            return {}

        return node

    builder = graph_of({"short": say("short"), "long": say("long")})
    builder.add_node("more", say("more"))
    builder.add_edge("long", "more")
    builder.add_node("join", say("join"), defer=True)
    builder.add_edge("short", "join")
    builder.add_edge("more", "join")
    await builder.compile().ainvoke({"x": 1})
    assert ran.count("join") == 1
    assert ran[-1] == "join"


@pytest.mark.parametrize("caller", ["plan", "work"])
async def test_a_deferred_node_waits_for_tasks_that_were_sent_only_if_one_of_them_calls_it(
    caller: str,
) -> None:
    async def plan(state: State) -> Command[Any]:
        sent: list[Any] = [Send("work", {"x": number}) for number in range(3)]
        return Command(goto=[*sent, "join"] if caller == "plan" else sent)

    async def work(state: State) -> Any:
        calls = ["join"] if caller == "work" and state["x"] == 1 else []
        return Command(update={"out": [state["x"]]}, goto=calls)

    async def join(state: State) -> State:
        return {"out": [f"joined {len(state['out'])}"]}

    builder = StateGraph(State)
    builder.add_node("plan", plan)
    builder.add_node("work", work)
    builder.add_node("join", join, defer=True)
    builder.add_edge(START, "plan")
    result = await builder.compile().ainvoke({"out": []})
    joined = [said for said in result["out"] if str(said).startswith("joined")]
    assert joined == (["joined 3"] if caller == "work" else ["joined 0"])


async def test_a_goto_on_a_finished_thread_runs_only_what_it_names() -> None:
    ran: list[str] = []

    async def a(state: State) -> State:
        ran.append("a")
        return {}

    async def b(state: State) -> State:
        ran.append("b")
        return {}

    graph = graph_of({"a": a, "b": b}).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    ran.clear()
    await graph.ainvoke(Command(goto=["b"]), on("t"))
    assert ran == ["b"]


async def test_one_branch_that_raises_cancels_its_siblings() -> None:
    cancelled = asyncio.Event()

    async def waits(state: State) -> State:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return {}

    async def raises(state: State) -> State:
        await asyncio.sleep(0)
        raise ValueError("the reason for the guard")

    with pytest.raises(ValueError, match="the reason"):
        await graph_of({"waits": waits, "raises": raises}).compile().ainvoke({"x": 1})
    assert cancelled.is_set()


async def test_max_concurrency_holds_back_the_writes_of_finished_branches() -> None:
    """TRAPS: the reason for slots inside the guard."""
    saver, hang = InMemorySaver(), asyncio.Event()
    third_runs = asyncio.Event()

    def branch(name: str) -> Any:
        async def node(state: State) -> State:
            if name >= "c":
                third_runs.set()
                await hang.wait()
            return {"out": [name]}

        return node

    graph = graph_of({name: branch(name) for name in "abcdefgh"}).compile(checkpointer=saver)
    run = asyncio.create_task(graph.ainvoke({"x": 1}, {**on("t"), "max_concurrency": 2}))
    await third_runs.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    stored = await saver.aget_tuple(on("t"))  # type: ignore[arg-type]
    assert stored is not None
    kept = [value for _, channel, value in stored.pending_writes or () if channel == "out"]
    hang.set()
    await run
    assert kept == []


async def test_an_invalid_answer_is_refused_before_it_is_stored() -> None:
    class Answer(TypedDict):
        yes: bool

    async def asks(state: State) -> State:
        return {"out": [interrupt("?", response_schema=Answer)]}

    graph = graph_of({"a": asks}).compile(checkpointer=InMemorySaver())
    await graph.ainvoke({"x": 1}, on("t"))
    with pytest.raises(ValueError, match="validation error"):
        await graph.ainvoke(Command(resume={"yes": "perhaps"}), on("t"))
    result = await graph.ainvoke(Command(resume={"yes": True}), on("t"))
    assert result["out"] == [{"yes": True}]


async def test_end_is_reached_by_a_command() -> None:
    async def ends(state: State) -> Command[Any]:
        return Command(update={"x": 2}, goto=END)

    assert (await graph_of({"a": ends}).compile().ainvoke({"x": 1}))["x"] == 2
