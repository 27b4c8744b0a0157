"""Every workflow under the real `langgraph dev`, through its SDK."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from support.cli import ROOT
from support.dev_server import DevServer
from support.openai_server import OpenAIServer, Status
from support.workflows import example

SERVED = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
KIT = {
    "title": "Write a title",
    "meta_description": "meta description",
    "social_post": "social post",
    "hashtags": "hashtags",
}


@pytest.fixture(scope="module")
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer(labels=KIT) as server:
        yield server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, model: OpenAIServer) -> Iterator[DevServer]:
    """One server whose graphs ask the model server."""
    server = DevServer(tmp_path_factory.mktemp("dev"), model.env).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """One server without a key."""
    server = DevServer(tmp_path_factory.mktemp("offline")).start()
    yield server
    server.stop()


@pytest.fixture
def kits(model: OpenAIServer) -> OpenAIServer:
    """Forget what earlier tests asked and ordered."""
    model.asked.clear()
    model.release()
    return model


def client_of(server: DevServer) -> LangGraphClient:
    return get_client(url=server.url)


async def test_all_workflows_load_without_a_key_and_their_forms_are_complete(
    offline: DevServer,
) -> None:
    client = client_of(offline)
    assistants = {
        a["graph_id"]: a["assistant_id"] for a in await client.assistants.search(limit=99)
    }
    assert set(assistants) == set(SERVED)
    for name, assistant in assistants.items():
        schemas = await client.assistants.get_schemas(assistant)
        fields: dict[str, Any] = schemas["input_schema"]["properties"]  # type: ignore[index]
        assert all(field.get("description") for field in fields.values()), name
        assert schemas["output_schema"], name
        assert schemas["context_schema"]["properties"]["max_parallel"]["description"]  # type: ignore[index]
        drawn = await client.assistants.get_graph(assistant)
        assert {"fork", "join", "aggregate"} <= {node["id"] for node in drawn["nodes"]}, name


@pytest.mark.parametrize("name", SERVED)
async def test_a_workflow_runs_on_its_example(offline: DevServer, name: str) -> None:
    client = client_of(offline)
    thread = await client.threads.create()
    result: Any = await client.runs.wait(thread["thread_id"], name, input=example(name))
    assert result.get("status") == "complete", result
    state = await client.threads.get_state(thread["thread_id"])
    assert state["next"] == []


async def test_branches_overlap_in_the_stream(served: DevServer, kits: OpenAIServer) -> None:
    client = client_of(served)
    kits.hold(*KIT)
    events: list[dict[str, Any]] = []

    async def listen() -> None:
        stream = client.runs.stream(
            None, "content_kit", input={"topic": "tea"}, stream_mode="custom"
        )
        async for part in stream:
            if part.event == "custom":
                events.append(part.data)

    listening = asyncio.create_task(listen())
    for name in KIT:
        await asyncio.to_thread(kits.wait_for, name)
    kits.release()
    await listening
    told = [(event["braid"], event["ev"]) for event in events if event["braid"] in KIT]
    assert {name for name, _ in told[:4]} == set(KIT)
    assert {ev for _, ev in told[:4]} == {"start"}, "all start before any ends"
    assert {ev for _, ev in told[4:]} == {"end"}


async def test_a_failing_branch_leaves_a_partial_result(
    served: DevServer, kits: OpenAIServer
) -> None:
    kits.script("title", Status(400))
    result: Any = await client_of(served).runs.wait(None, "content_kit", input={"topic": "tea"})
    assert result["status"] == "partial"
    assert list(result["failures"]) == ["title"]
    assert "title" not in result["kit"]


@pytest.mark.parametrize("action", ["retry", "accept", "abort"])
async def test_a_pause_is_answered_over_the_server(
    served: DevServer, kits: OpenAIServer, action: str
) -> None:
    client = client_of(served)
    thread = (await client.threads.create())["thread_id"]
    kits.script("title", Status(400))
    kits.script("hashtags", Status(400))
    await client.runs.wait(thread, "content_kit", input={"topic": "tea"})
    [pause] = (await client.threads.get_state(thread))["interrupts"]
    assert set(pause["value"]["failures"]) == {"title", "hashtags"}
    with pytest.raises(Exception, match=r"."):
        await client.runs.wait(thread, "content_kit", command={"resume": {"action": "maybe"}})
    assert (await client.threads.get_state(thread))["interrupts"], "still answerable"
    result: Any = await client.runs.wait(
        thread, "content_kit", command={"resume": {"action": action}}
    )
    expected = {"retry": "complete", "accept": "partial", "abort": "aborted"}
    assert result["status"] == expected[action]
    again = 2 if action == "retry" else 1
    assert kits.counts == {
        "title": again,
        "meta_description": 1,
        "social_post": 1,
        "hashtags": again,
    }


async def test_two_runs_on_one_thread_do_not_mix(served: DevServer, kits: OpenAIServer) -> None:
    client = client_of(served)
    thread = (await client.threads.create())["thread_id"]
    kits.script("title", Status(400))
    await client.runs.wait(thread, "content_kit", input={"topic": "tea"})
    second: Any = await client.runs.wait(thread, "content_kit", input={"topic": "bread"})
    fresh: Any = await client.runs.wait(None, "content_kit", input={"topic": "bread"})
    assert second == fresh


async def test_the_limit_of_a_run_is_kept(served: DevServer, kits: OpenAIServer) -> None:
    kits.hold(*KIT)
    kits.peak = 0
    run = asyncio.create_task(
        client_of(served).runs.wait(
            None, "content_kit", input={"topic": "tea"}, context={"max_parallel": 2}
        )
    )
    await asyncio.to_thread(kits.wait_until_open, 2)
    kits.release()
    await run
    assert kits.peak == 2


async def test_bad_input_starts_nothing(served: DevServer, kits: OpenAIServer) -> None:
    client = client_of(served)
    result: Any = await client.runs.wait(
        None, "content_kit", input={"topic": ""}, raise_error=False
    )
    assert "content_kit: the input field 'topic' is wrong" in json.dumps(result)
    assert not kits.asked


async def test_a_killed_server_repeats_no_finished_branch(
    tmp_path: Path, openai_server: OpenAIServer
) -> None:
    openai_server.labels = KIT
    openai_server.hold("hashtags")
    server = DevServer(tmp_path / "killed", openai_server.env).start()
    client = client_of(server)
    thread = (await client.threads.create())["thread_id"]
    await client.runs.create(thread, "content_kit", input={"topic": "tea"})
    for name in KIT:
        await asyncio.to_thread(openai_server.wait_for, name)

    async def three_are_kept() -> None:
        while True:
            state = await client.threads.get_state(thread)
            spans = (state["values"] or {}).get("spans", [])
            if len(spans) == 3:
                return
            await asyncio.sleep(0.05)

    try:
        await asyncio.wait_for(three_are_kept(), 30)
    finally:
        server.kill()
    openai_server.release()
    server.start()
    try:
        client = client_of(server)
        await client.threads.create(
            thread_id=thread, if_exists="do_nothing", graph_id="content_kit"
        )
        result: Any = await client.runs.wait(thread, "content_kit", input=None)
    finally:
        server.stop()
    assert result["status"] == "complete"
    assert openai_server.counts == {
        "title": 1,
        "meta_description": 1,
        "social_post": 1,
        "hashtags": 2,
    }
