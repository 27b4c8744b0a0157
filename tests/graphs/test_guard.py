"""The guard: slots, clocks, copies, checks, and failures as values."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Overwrite
from support.toys import Bench, ToyState, ToyWrites, fan, on

from graphs.builders import Branch
from state import Failure


async def failure_of(function: Any, **options: Any) -> Failure:
    """Run one failing branch beside a good one and return its failure."""
    branches = {"bad": Branch(function, **options), "good": Bench().branch("good")}
    result = await fan(branches, quorum=1).compile().ainvoke({"x": 1})
    assert result["out"] == ["good"]
    failure: Failure = result["failures"]["bad"]
    return failure


async def test_a_time_out_names_its_seconds_and_is_tried_again() -> None:
    async def hangs(state: ToyState) -> ToyWrites:
        await asyncio.sleep(30)
        return {}

    failure = await failure_of(hangs, timeout=0.01)
    assert failure == {
        "error_type": "TimeoutError",
        "message": "took longer than 0.01 s",
        "attempts": 2,
    }


async def test_a_function_that_cancels_itself_is_a_failure() -> None:
    async def cancels(state: ToyState) -> ToyWrites:
        raise asyncio.CancelledError

    assert (await failure_of(cancels))["message"] == "the function cancelled itself"


async def test_a_real_cancellation_passes_through() -> None:
    started = asyncio.Event()

    async def waits(state: ToyState) -> ToyWrites:
        started.set()
        await asyncio.Event().wait()
        return {}

    graph = fan({"waits": waits}, quorum=1).compile(checkpointer=InMemorySaver())
    run = asyncio.create_task(graph.ainvoke({"x": 1}, on("t")))
    await started.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (await graph.aget_state(on("t"))).values["failures"] == {}


BAD_UPDATES: list[tuple[Any, str]] = [
    (["a list"], "bad returned list; return a dict of the state keys to write"),
    ({"nowhere": 1}, "bad wrote ['nowhere']; it may write"),
    ({"failures": {}}, "bad wrote ['failures']; it may write"),
    ({"out": Overwrite([])}, "bad wrote an Overwrite to 'out'"),
    ({"by_name": {"__overwrite__": {}}}, "bad wrote an Overwrite to 'by_name'"),
    ({"by_name": {"type": "__overwrite__", "value": {}}}, "bad wrote an Overwrite to 'by_name'"),
    ({"out": [object()]}, "bad returned a value that cannot be stored"),
    ({"out": [lambda: 1]}, "bad returned a value that cannot be stored"),
    ({"top": 2**70}, "bad returned a value that cannot be stored"),
]


@pytest.mark.parametrize(("update", "sentence"), BAD_UPDATES, ids=[s for _, s in BAD_UPDATES])
async def test_an_update_that_the_state_cannot_hold_is_that_branchs_failure(
    update: Any, sentence: str
) -> None:
    async def bad(state: ToyState) -> dict[str, Any]:
        return update  # type: ignore[no-any-return]

    failure = await failure_of(bad)
    assert failure["error_type"] == "BadUpdate"
    assert failure["message"].startswith(sentence)
    assert failure["attempts"] == 1


async def test_input_that_imitates_langgraphs_markers_is_data() -> None:
    seen: list[Any] = []

    async def looks(state: ToyState) -> ToyWrites:
        seen.append(state["note"])
        return {"out": [state["note"]]}

    text = '{"__overwrite__": []}'
    result = await fan({"looks": looks}).compile().ainvoke({"x": 1, "note": text})
    assert seen == [text]
    assert result["out"] == [text]


async def test_an_error_without_a_text_is_named_by_its_class() -> None:
    async def silent(state: ToyState) -> ToyWrites:
        raise ValueError

    assert (await failure_of(silent))["message"] == "ValueError"


async def test_a_secret_in_an_error_text_is_blotted_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-123456")

    async def leaks(state: ToyState) -> ToyWrites:
        raise ValueError("Incorrect API key provided: sk-canary-123456.")

    assert (await failure_of(leaks))["message"] == "Incorrect API key provided: ***."


async def test_a_long_error_text_is_cut() -> None:
    async def talks(state: ToyState) -> ToyWrites:
        raise ValueError("x" * 100_000)

    assert len((await failure_of(talks))["message"]) < 2100


async def test_each_attempt_is_announced_when_it_starts_and_when_it_ends() -> None:
    bench = Bench()
    bench.broken = {"bad"}
    graph = fan({"bad": bench.branch("bad"), "good": bench.branch("good")}, quorum=1).compile()
    events = [event async for event in graph.astream({"x": 1}, stream_mode="custom")]
    bad = [(e["ev"], e["attempt"], e.get("status")) for e in events if e["braid"] == "bad"]
    assert bad == [
        ("start", 1, None),
        ("end", 1, "failed"),
        ("start", 2, None),
        ("end", 2, "failed"),
    ]
    assert [e["will_retry"] for e in events if e["braid"] == "bad" and e["ev"] == "end"] == [
        True,
        False,
    ]
    assert {e["braid"] for e in events} == {"bad", "good", "aggregate"}
    times = [e["t"] for e in events if e["braid"] == "bad"]
    assert times == sorted(times)


async def test_steps_announce_themselves_under_their_branch() -> None:
    bench = Bench()
    graph = fan({"two": [bench.branch("s1"), bench.branch("s2")]}).compile()
    events = [event async for event in graph.astream({"x": 1}, stream_mode="custom")]
    steps = [(e["braid"], e["step"], e["ev"]) for e in events if e["node"] == "two"]
    assert steps == [
        ("two", "s1", "start"),
        ("two", "s1", "end"),
        ("two", "s2", "start"),
        ("two", "s2", "end"),
    ]


def talking(text: str, tokens: int) -> Any:
    async def talks(state: ToyState) -> ToyWrites:
        usage = {"input_tokens": tokens, "output_tokens": 1, "total_tokens": tokens + 1}
        model = GenericFakeChatModel(
            messages=iter([AIMessage(text, usage_metadata=usage)]),
            metadata={"ls_model_name": "talker"},
        )
        answer = await model.ainvoke("hello")
        return {"out": [str(answer.content)]}

    return talks


async def test_tokens_are_counted_for_the_branch_that_used_them() -> None:
    graph = fan({"a": talking("one", 10), "b": talking("two", 200)}).compile(
        checkpointer=InMemorySaver()
    )
    await graph.ainvoke({"x": 1}, on("t"))
    spans = (await graph.aget_state(on("t"))).values["spans"]
    used = {span["name"]: list(span.get("usage", {}).values()) for span in spans}
    assert used["a"] == [{"calls": 1, "input": 10, "output": 1}]
    assert used["b"] == [{"calls": 1, "input": 200, "output": 1}]
    assert used["aggregate"] == []


async def test_streamed_tokens_carry_the_branchs_name() -> None:
    graph = fan({"a": talking("one", 1), "two": [talking("x", 1), talking("y", 1)]}).compile()
    heard: dict[str, str] = {}
    async for _, (chunk, metadata) in graph.astream(
        {"x": 1}, stream_mode="messages", subgraphs=True
    ):
        heard[metadata["branch"]] = heard.get(metadata["branch"], "") + str(chunk.content)
    assert heard == {"a": "one", "two": "xy"}


async def test_spans_say_when_each_piece_ran_and_how_it_ended() -> None:
    bench = Bench()
    bench.broken = {"b"}
    graph = fan({"a": bench.branch("a"), "b": bench.branch("b")}, quorum=1).compile(
        checkpointer=InMemorySaver()
    )
    await graph.ainvoke({"x": 1}, on("t"))
    spans = (await graph.aget_state(on("t"))).values["spans"]
    told = {span["name"]: (span["node"], span["status"], span["attempts"]) for span in spans}
    assert told == {
        "a": ("a", "ok", 1),
        "b": ("b", "failed", 2),
        "aggregate": ("aggregate", "ok", 1),
    }
    assert all(span["start"] <= span["end"] for span in spans)
