"""The real `ChatOpenAI` against a server that speaks OpenAI's protocol and misbehaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from support.openai_server import Cut, Garbage, Hang, OpenAIServer, Status, Text
from support.toys import on

from graphs.content_kit import workflow
from graphs.retry import RETRY

KIT = {
    "title": "Write a title",
    "meta_description": "meta description",
    "social_post": "social post",
    "hashtags": "hashtags",
}
QUICK = replace(workflow, retry=RETRY._replace(initial_interval=0.01))


@pytest.fixture
def server(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels = KIT
    return openai_server


async def test_a_hang_is_cut_by_the_timeout_and_the_connection_is_closed(
    server: OpenAIServer,
) -> None:
    server.script("title", Hang(), Hang(), Hang())
    result = await replace(QUICK, timeout=0.5).compile().ainvoke({"topic": "tea"})
    assert result["failures"]["title"] == {
        "error_type": "TimeoutError",
        "message": "took longer than 0.5 s",
        "attempts": 3,
    }
    server.wait_until_idle()
    assert server.outcomes("title") == ["gone"] * 3


async def test_one_hang_is_outlived(server: OpenAIServer) -> None:
    server.script("title", Hang())
    result = await replace(QUICK, timeout=0.5).compile().ainvoke({"topic": "tea"})
    assert result["status"] == "complete"
    assert server.counts["title"] == 2


async def test_retry_after_is_waited_for(server: OpenAIServer) -> None:
    server.script("title", Status(429, {"Retry-After": "1"}))
    result = await QUICK.compile().ainvoke({"topic": "tea"})
    assert result["status"] == "complete"
    first, second = [asked for asked in server.asked if asked.label == "title"]
    assert first.until is not None
    assert second.at - first.until >= 0.95, "the server's second, not the policy's 10 ms"


@pytest.mark.parametrize(
    "faults",
    [
        [Status(500), Status(502)],
        [Text("{"), Text('{"title": 7')],
        [Garbage(), Cut()],
        [Status(408), Status(425)],
    ],
    ids=repr,
)
async def test_two_faults_and_then_an_answer(server: OpenAIServer, faults: list[Any]) -> None:
    server.script("title", *faults)
    result = await QUICK.compile().ainvoke({"topic": "tea"})
    assert result["status"] == "complete"
    assert server.counts == {"title": 3, "meta_description": 1, "social_post": 1, "hashtags": 1}


@pytest.mark.parametrize("repeats_role", [False, True])
@pytest.mark.parametrize("faults", [[], [Cut()], [Status(503)]], ids=repr)
async def test_streamed_tokens_come_by_branch_and_are_counted(
    server: OpenAIServer, faults: list[Any], repeats_role: bool
) -> None:
    server.repeats_role = repeats_role
    server.script("title", *faults)
    graph = QUICK.compile(checkpointer=InMemorySaver())
    heard: dict[str, str] = {}
    async for _, (chunk, metadata) in graph.astream(
        {"topic": "tea"}, on("t"), stream_mode="messages", subgraphs=True
    ):
        heard[metadata["branch"]] = heard.get(metadata["branch"], "") + str(chunk.content)
    assert set(heard) == set(KIT)
    assert heard["title"].endswith('{"title": "a title"}')
    assert all(asked.body["stream"] for asked in server.asked)
    spans = (await graph.aget_state(on("t"))).values["spans"]
    [title] = [span for span in spans if span["name"] == "title"]
    [used] = title["usage"].values()
    assert used["calls"] == 1 + len(faults)
    assert used["input"] > 0
    assert used["output"] > 0
    assert title["start"] < title["first_token"] < title["end"]


async def test_a_refused_key_is_not_tried_again_and_says_what_to_do(server: OpenAIServer) -> None:
    server.script("title", Status(401, message="Incorrect API key: sk-test-canary-key"))
    result = await QUICK.compile().ainvoke({"topic": "tea"})
    failure = result["failures"]["title"]
    assert failure["attempts"] == server.counts["title"] == 1
    assert "check OPENAI_API_KEY" in failure["message"]
    assert "canary" not in failure["message"]


async def test_a_server_that_is_not_there_is_a_failure_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    graph = replace(QUICK, quorum=1).compile(checkpointer=InMemorySaver())
    paused = await graph.ainvoke({"topic": "tea"}, on("t"), version="v2")
    failures = paused.interrupts[0].value["failures"]
    assert set(failures) == set(KIT)
    assert {failure["attempts"] for failure in failures.values()} == {3}
