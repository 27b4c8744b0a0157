"""A real `langgraph dev` keeps its state through `checkpointer`, as langgraph.json asks for it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from blockbuster import blockbuster_ctx
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from support.checkpoints import at, put

from state import database_size, forget, list_threads, open_checkpointer

ROOT = Path(__file__).resolve().parents[2]

GRAPH = """
import asyncio, operator, os
from typing import Annotated
from typing_extensions import TypedDict
from langgraph.graph import START, StateGraph

class State(TypedDict, total=False):
    wait_for: str
    log: str
    done: Annotated[list[str], operator.add]

def branch(name, waits):
    async def run(state):
        with open(state["log"], "a") as log:
            log.write(name + "\\n")
        while waits and not os.path.exists(state["wait_for"]):
            await asyncio.sleep(0.02)
        return {"done": [name]}
    return run

builder = StateGraph(State)
for name, waits in (("quick", False), ("slow", True)):
    builder.add_node(name, branch(name, waits))
    builder.add_edge(START, name)
graph = builder.compile()
"""
"""Two branches that log that they ran; one of them waits until a file is there."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with a graph and the checkpointer of this project in its langgraph.json."""
    here = tmp_path / "home"
    here.mkdir()
    asked_for = json.loads((ROOT / "langgraph.json").read_text())["checkpointer"]["path"]
    config = {
        "dependencies": ["."],
        "graphs": {"toy": "./toy.py:graph"},
        "checkpointer": {"path": f"{ROOT / asked_for}"},
    }
    (here / "langgraph.json").write_text(json.dumps(config))
    (here / "toy.py").write_text(GRAPH)
    return here


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def serving(home: Path, database: str) -> AsyncIterator[tuple[LangGraphClient, int]]:
    """Yield a client of a server of its own, and the process group that it runs in."""
    port, kept = free_port(), {k: v for k, v in os.environ.items() if not k.startswith("LANG")}
    environment = {
        **kept,
        "BRAID_DB": database,
        "PYTHONPATH": str(ROOT),
        "LANGSMITH_TRACING": "false",
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "LANGGRAPH_NO_VERSION_CHECK": "1",
        "LANGGRAPH_STRICT_MSGPACK": "true",
        "NO_COLOR": "1",
    }
    with (home / "log").open("w") as log:
        server = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
            [
                str(Path(sys.executable).with_name("langgraph")),
                *("dev", "--no-browser", "--no-reload", "--host", "127.0.0.1"),
                *("--port", str(port), "--n-jobs-per-worker", "20"),
            ],
            cwd=home,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url) as http, asyncio.timeout(60):
            while not await is_up(http):
                assert server.poll() is None, (home / "log").read_text()
                await asyncio.sleep(0.05)
        yield get_client(url=url), server.pid
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


async def is_up(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/ok")).is_success
    except httpx.TransportError:
        return False


class Toy:
    """What the graph is told, and what it left behind."""

    def __init__(self, directory: Path) -> None:
        self._log, self._wait_for = directory / "ran", directory / "go on"
        self.input = {"log": str(self._log), "wait_for": str(self._wait_for)}

    def go_on(self) -> None:
        self._wait_for.touch()

    def ran(self) -> list[str]:
        return sorted(self._log.read_text().split()) if self._log.exists() else []

    async def until_ran(self, *branches: str) -> None:
        async with asyncio.timeout(30):
            while self.ran() != sorted(branches):
                await asyncio.sleep(0.02)


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


async def test_it_keeps_copies_rolls_back_and_deletes_threads(
    home: Path, database: str, toy: Toy
) -> None:
    async with serving(home, database) as (client, _):
        thread = (await client.threads.create())["thread_id"]
        # A run that is rolled back while it waits, by one that then takes its place.
        await client.runs.create(thread, "toy", input=toy.input)
        await toy.until_ran("quick", "slow")
        second = await client.runs.create(
            thread, "toy", input=toy.input, multitask_strategy="rollback"
        )
        await toy.until_ran("quick", "quick", "slow", "slow")
        toy.go_on()
        await client.runs.join(thread, second["run_id"])
        state: Any = await client.threads.get_state(thread)
        assert state["values"]["done"] == ["quick", "slow"]
        runs = {found["metadata"]["run_id"] for found in await client.threads.get_history(thread)}
        assert runs == {second["run_id"]}

        threads = [(await client.threads.create())["thread_id"] for _ in range(20)]
        ended: Any = await asyncio.gather(
            *(client.runs.wait(each, "toy", input=toy.input) for each in threads)
        )
        assert all(values["done"] == ["quick", "slow"] for values in ended)

        await client.threads.copy(thread)
        await client.threads.delete(thread)
    async with open_checkpointer(database) as saver:
        kept = {info.thread_id for info in await list_threads(saver)}
        assert {*threads} < kept
        assert len(kept) == 21
        assert thread not in kept
    log = (home / "log").read_text()
    assert "BlockingError" not in log
    assert "Custom checkpointer missing" not in log


async def test_a_killed_server_has_kept_the_finished_branch(
    home: Path, database: str, toy: Toy
) -> None:
    thread = str(uuid4())
    async with serving(home, database) as (client, group):
        await client.threads.create(thread_id=thread)
        await client.runs.create(thread, "toy", input=toy.input)
        await toy.until_ran("quick", "slow")
        async with asyncio.timeout(30), open_checkpointer(database) as saver:
            while not (found := await saver.aget_tuple(at(thread))) or not found.pending_writes:
                await asyncio.sleep(0.02)
        os.killpg(group, signal.SIGKILL)
    toy.go_on()
    async with serving(home, database) as (client, _):
        await client.threads.create(thread_id=thread, if_exists="do_nothing", graph_id="toy")
        values: Any = await client.runs.wait(thread, "toy", input=None)
    assert values["done"] == ["quick", "slow"]
    assert toy.ran() == ["quick", "slow", "slow"]


async def test_the_checkpointer_never_blocks_the_event_loop(database: str) -> None:
    with blockbuster_ctx():
        async with open_checkpointer(database) as saver:
            where = await put(saver, "thread", {"text": "value"}, run_id="run")
            await saver.aput_writes(where, [("channel", 1)], "task")
            assert await saver.aget_tuple(where)
            assert [found async for found in saver.alist(None)]
            assert await list_threads(saver)
            assert await database_size(database)
            await saver.acopy_thread("thread", "copy")
            await saver.adelete_for_runs(["run"])
            await saver.aprune(["copy"])
            await forget(saver, ["copy"])
