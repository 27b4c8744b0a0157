"""The parts that other tests stand on: the model server, `langgraph dev`, and other processes."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import openai
import pytest
import support.dev_server
from langchain_openai import ChatOpenAI
from langgraph_sdk import get_client
from pydantic import BaseModel, Field, SecretStr, ValidationError
from support.cli import Cli
from support.dev_server import DevServer
from support.openai_server import (
    Asked,
    Cut,
    Delay,
    Fault,
    Garbage,
    Hang,
    Ok,
    OpenAIServer,
    Seeded,
    Status,
    Text,
    read_journal,
)


class Person(BaseModel):
    name: Annotated[str, Field(min_length=12)]
    kind: Literal["author", "reviewer"]


class Review(BaseModel):
    score: Annotated[int, Field(ge=3, le=10)]
    pages: Annotated[int, Field(gt=7)]
    debt: Annotated[int, Field(le=0)]
    share: Annotated[float, Field(ge=0, le=1)]
    reasons: Annotated[list[str], Field(min_length=3, max_length=5)]
    people: list[Person]
    best: Person | None
    urgent: bool


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(labels={"tea": "about tea", "bread": "about bread"}) as running:
        yield running


def client(server: OpenAIServer, **settings: Any) -> ChatOpenAI:
    given = {"max_retries": 0, "timeout": 20, **settings}
    return ChatOpenAI(model="small", base_url=server.url, api_key=SecretStr("sk-test"), **given)


def ask(server: OpenAIServer, text: str = "Write about tea") -> str:
    answer = client(server).invoke(text).content
    assert isinstance(answer, str)
    return answer


def test_a_question_gets_an_answer_and_its_usage(server: OpenAIServer) -> None:
    answer = client(server).invoke("Write about tea")
    assert "Write about tea" in answer.content
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 0
    [asked] = server.asked
    assert (asked.label, asked.outcome, asked.body["model"]) == ("tea", "answered", "small")


def test_a_stream_arrives_in_pieces_with_its_usage(server: OpenAIServer) -> None:
    pieces = list(client(server, stream_usage=True).stream("Write about tea"))
    assert len([piece for piece in pieces if piece.content]) > 1
    assert "Write about tea" in "".join(str(piece.content) for piece in pieces)
    assert any(piece.usage_metadata for piece in pieces)
    assert server.outcomes("tea") == ["answered"]


def test_structured_output_fulfils_the_schema(server: OpenAIServer) -> None:
    structured = client(server).with_structured_output(Review, method="json_schema")
    assert isinstance(structured.invoke("Review this text about tea"), Review)


@pytest.mark.parametrize("key", ["tea", "Person"])
def test_an_answer_is_given_by_label_or_by_schema_title(server: OpenAIServer, key: str) -> None:
    server.answers = {key: {"name": "Ada of the tests", "kind": "author"}}
    structured = client(server).with_structured_output(Person, method="json_schema")
    person = structured.invoke("Who wrote about tea?")
    assert person == Person(name="Ada of the tests", kind="author")


def test_an_answer_may_be_computed_or_left_to_the_server(server: OpenAIServer) -> None:
    server.answers = lambda asked: asked.text.upper() if asked.label == "tea" else None
    assert ask(server) == "WRITE ABOUT TEA"
    assert "Write about bread" in ask(server, "Write about bread")


def test_what_an_answer_function_raises_is_raised_when_the_server_stops() -> None:
    def wrong(asked: Asked) -> str:
        raise LookupError("nobody asked that")

    def ask_it() -> None:
        with OpenAIServer(answers=wrong) as server:
            with pytest.raises(openai.InternalServerError):
                ask(server)
            server.wait_until_idle()

    with pytest.raises(LookupError, match="nobody asked that"):
        ask_it()


def test_the_models_are_listed(server: OpenAIServer) -> None:
    listed = openai.OpenAI(base_url=server.url, api_key="sk-test").models.list()
    assert [model.id for model in listed] == ["test"]


def test_retry_after_arrives_with_a_429(server: OpenAIServer) -> None:
    server.script("tea", Status(429, {"Retry-After": "7"}))
    with pytest.raises(openai.RateLimitError) as caught:
        ask(server)
    assert caught.value.response.headers["retry-after"] == "7"
    assert ask(server)
    assert server.outcomes("tea") == ["failed", "answered"]


def test_a_refused_key_is_told_as_openai_tells_it(server: OpenAIServer) -> None:
    server.script("tea", Status(401, message="Incorrect API key"))
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key") as caught:
        ask(server)
    assert caught.value.code == "invalid_api_key"


def test_an_error_may_have_a_body_of_its_own(server: OpenAIServer) -> None:
    server.script("tea", Status(503, body={"detail": "loading the model"}))
    with pytest.raises(openai.InternalServerError) as caught:
        ask(server)
    assert caught.value.response.json() == {"detail": "loading the model"}


def test_content_that_is_not_of_the_schema_arrives_as_it_is(server: OpenAIServer) -> None:
    server.script("tea", Text('{"name": 1}'), Text("not JSON"))
    structured = client(server).with_structured_output(Person, method="json_schema")
    for _ in range(2):
        with pytest.raises(ValidationError):
            structured.invoke("Who wrote about tea?")


def test_a_body_that_is_not_json_is_an_error_of_the_client(server: OpenAIServer) -> None:
    server.script("tea", Garbage())
    with pytest.raises(Exception, match=r"."):
        ask(server)
    assert server.outcomes("tea") == ["failed"]


@pytest.mark.parametrize("after", [None, 0, 2])
def test_a_stream_breaks_after_that_many_pieces(server: OpenAIServer, after: int | None) -> None:
    server.answers = {"tea": "12345678"}
    server.script("tea", Cut(after))
    seen: list[str] = []
    pieces = (str(piece.content) for piece in client(server).stream("Write about tea"))
    with pytest.raises((httpx.RemoteProtocolError, openai.APIConnectionError)):
        seen.extend(pieces)
    assert "".join(seen) == "12345678"[: 4 if after is None else after]
    assert server.outcomes("tea") == ["failed"]


def test_an_answer_that_is_no_stream_breaks_too(server: OpenAIServer) -> None:
    server.script("tea", Cut())
    with pytest.raises(openai.APIConnectionError):
        ask(server)


def test_a_hang_ends_when_the_client_gives_up(server: OpenAIServer) -> None:
    server.script("tea", Hang())
    with pytest.raises(openai.APITimeoutError):
        client(server, timeout=0.3).invoke("Write about tea")
    server.wait_for("tea", outcome="gone")
    server.wait_until_idle()


@pytest.mark.parametrize("fault", [Hang(), Ok(latency=60), Delay(60, Status(500))])
def test_a_killed_client_is_gone(server: OpenAIServer, braid: Cli, fault: Any) -> None:
    server.script("tea", fault)
    program = "import openai; openai.OpenAI().chat.completions.create(model='m', messages=[{}])"
    message = "{'role': 'user', 'content': 'Write about tea'}"
    running = braid.start_python("-c", program.replace("{}", message), env=server.env)
    server.wait_for("tea")
    running.kill()
    server.wait_for("tea", outcome="gone")
    assert server.open == 0


def test_a_delay_comes_before_what_is_delayed(server: OpenAIServer) -> None:
    server.script("tea", Delay(0.2, Status(500)))
    with pytest.raises(openai.InternalServerError):
        ask(server)
    [asked] = server.asked
    assert asked.until is not None
    assert asked.until - asked.at >= 0.19


def test_a_latency_may_differ_from_the_servers(server: OpenAIServer) -> None:
    server.latency = 60
    server.script("tea", Ok(latency=0))
    assert ask(server)


def test_the_scripts_of_a_label_go_before_those_of_all(server: OpenAIServer) -> None:
    server.script("*", Text("any"))
    server.script("tea", Text("tea's own"))
    assert [ask(server), ask(server)] == ["tea's own", "any"]
    assert "Write about tea" in ask(server)


def test_requests_are_held_counted_and_released(server: OpenAIServer) -> None:
    server.hold("tea")
    with ThreadPoolExecutor(4) as threads:
        held = [threads.submit(ask, server) for _ in range(3)]
        server.wait_for("tea", 3)
        assert ask(server, "Write about bread")
        assert server.counts == {"tea": 3, "bread": 1}
        assert server.open == 3
        assert server.peak == 4
        server.hold("tea")  # does not lose those that are held already
        server.release("tea")
        assert all(answer.result() for answer in held)
    server.wait_until_idle()
    assert server.outcomes("tea") == ["answered"] * 3


def test_waiting_in_vain_says_what_was_seen(server: OpenAIServer) -> None:
    ask(server, "Write about bread")
    with pytest.raises(AssertionError, match=r"tea: waited for 2; saw \[\].*'bread': 1"):
        server.wait_for("tea", 2, timeout=0.01)
    with pytest.raises(AssertionError, match="waited for 1 open"):
        server.wait_until_open(1, timeout=0.01)


def asked_about(text: str) -> Asked:
    return Asked("other", {"messages": [{"role": "user", "content": text}]}, 0.0, {})


def test_what_a_seed_draws_depends_on_the_question_alone() -> None:
    rates: list[tuple[Fault, float]] = [(Status(500), 0.3), (Hang(), 0.2)]
    drawn = [Seeded(7, rates).draw(asked_about(str(n)), 1) for n in range(1000)]
    again = [Seeded(7, rates).draw(asked_about(str(n)), 1) for n in reversed(range(1000))]
    assert drawn == again[::-1]
    assert drawn != [Seeded(8, rates).draw(asked_about(str(n)), 1) for n in range(1000)]
    assert drawn != [Seeded(7, rates).draw(asked_about(str(n)), 2) for n in range(1000)]
    assert 250 < drawn.count(Status(500)) < 350
    assert 150 < drawn.count(Hang()) < 250


def test_a_seeded_server_fails_the_same_questions_each_time() -> None:
    def failing(order: list[int]) -> set[tuple[int, int]]:
        failed = set()
        with OpenAIServer(faults=Seeded(3, [(Status(500), 0.5)])) as server:
            for time in (1, 2):
                for number in order:
                    try:
                        ask(server, f"question {number}")
                    except openai.InternalServerError:
                        failed.add((time, number))
        return failed

    first = failing(list(range(10)))
    assert 0 < len(first) < 20
    assert failing(list(reversed(range(10)))) == first


def test_the_journal_tells_of_each_request_when_it_arrives_and_when_it_ends(
    tmp_path: Path,
) -> None:
    file = tmp_path / "journal.jsonl"
    with OpenAIServer(labels={"tea": "about tea"}, journal=file) as server:
        server.script("other", Status(500))
        server.hold("tea")
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(ask, server)
            server.wait_for("tea")
            [entry] = read_journal(file)
            assert (entry["outcome"], entry["until"]) == ("open", None)
            server.release()
            answer.result()
        with pytest.raises(openai.InternalServerError):
            ask(server, "Write about snow")
    tea, snow = read_journal(file)
    assert (tea["label"], tea["outcome"]) == ("tea", "answered")
    assert (snow["label"], snow["outcome"]) == ("other", "failed")
    assert tea["messages"] == [{"role": "user", "content": "Write about tea"}]
    assert (tea["model"], tea["stream"]) == ("small", False)
    assert tea["at"] <= tea["until"] <= snow["at"]


def test_the_journal_of_a_killed_server_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    arrived = json.dumps({"id": "1", "label": "tea", "at": 1.0})
    file.write_text(f'{arrived}\n{{"id": "1", "unt')
    assert read_journal(file) == [
        {"id": "1", "label": "tea", "at": 1.0, "until": None, "outcome": "open"}
    ]


def test_the_server_is_a_program_too(braid: Cli, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    options = ["--journal", str(file), "--latency", "0.1", "--label", "tea=about tea"]
    running = braid.start_python("-m", "support.openai_server", *options)
    assert running.process.stdout is not None
    port = int(running.process.stdout.readline())
    asking = ChatOpenAI(
        model="m", base_url=f"http://127.0.0.1:{port}/v1", api_key=SecretStr("sk-test")
    )
    assert "about tea" in asking.invoke("Write about tea").content
    running.send(signal.SIGTERM)
    assert running.wait().status == 0
    [entry] = read_journal(file)
    assert (entry["label"], entry["outcome"]) == ("tea", "answered")
    assert entry["until"] - entry["at"] >= 0.09


def test_other_programs_see_nothing_of_the_developers_settings(
    braid: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "BRAID_MODEL", "LANGSMITH_TRACING", "LANGGRAPH_AES_KEY"):
        monkeypatch.setenv(name, "the developer's")
    seen = braid.python("-c", "import json, os; print(json.dumps(dict(os.environ)))").json
    assert "the developer's" not in seen.values()
    assert seen["LANGGRAPH_STRICT_MSGPACK"] == "true"
    assert seen["BRAID_DB"].startswith(str(braid.directory))


INNER = """
import os, signal, subprocess, sys

def test_no_setting_is_the_developers():
    assert "the developer's" not in os.environ.values()

def test_ctrl_c_reaches_a_program():
    program = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    program.send_signal(signal.SIGINT)
    assert program.wait(20) == -signal.SIGINT
"""


def test_neither_the_developers_settings_nor_a_background_job_change_the_tests(
    tmp_path: Path,
) -> None:
    here = Path(__file__).parent
    (tmp_path / "test_inner.py").write_text(INNER)
    (tmp_path / "conftest.py").write_text((here / "conftest.py").read_text())
    names = ["OPENAI_API_KEY", "BRAID_MODEL", "LANGCHAIN_TRACING_V2", "LANGGRAPH_AES_KEY"]
    ended = subprocess.run(
        ["sh", "-c", "trap '' INT; exec \"$0\" -m pytest -q -p no:cacheprovider", sys.executable],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(here), **dict.fromkeys(names, "the developer's")},
        capture_output=True,
        text=True,
    )
    assert "2 passed" in ended.stdout, ended.stdout


def test_a_program_reads_what_it_is_given(braid: Cli) -> None:
    text = "tea\n" * 100_000
    count = "import sys; print(len(sys.stdin.read()))"
    assert braid.python("-c", count, input=text).json == len(text)
    assert braid.python("-c", count).json == 0


def test_a_program_can_be_interrupted_and_killed(braid: Cli) -> None:
    program = "import time; print('here', flush=True); time.sleep(60)"
    for number in (signal.SIGINT, signal.SIGKILL):
        running = braid.start_python("-c", program)
        assert running.process.stdout is not None
        running.process.stdout.readline()
        running.send(number)
        assert running.wait().status == -number


def test_what_a_test_left_running_is_ended_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = Cli(tmp_path)
    program = "import sys, time; print('a clue', file=sys.stderr); print(1, flush=True)"
    running = cli.start_python("-c", f"{program}; time.sleep(60)")
    assert running.process.stdout is not None
    running.process.stdout.readline()
    assert cli.python("-c", "print('read already')").out == "read already\n"
    cli.close()
    assert running.process.returncode == -signal.SIGKILL
    shown = capsys.readouterr().out
    assert "a clue" in shown
    assert "read already\n" not in shown


GRAPHS = '''
import asyncio

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


met = set()


class State(TypedDict):
    x: int


async def double(state: State) -> State:
    return {"x": 2 * state["x"]}


async def ask(state: State) -> State:
    return {"x": interrupt("how many?")}


async def meet(state: State) -> State:
    """Ends when another run is in here too."""
    met.add(state["x"])
    while len(met) < 2:
        await asyncio.sleep(0.01)
    return state


async def fail(state: State) -> State:
    raise RuntimeError("told to fail")


def only(node):
    return StateGraph(State).add_node(node).add_edge(START, node.__name__).compile()


doubling, asking, meeting, failing = map(only, (double, ask, meet, fail))
'''

SERVICES = """
from contextlib import asynccontextmanager

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph_sdk import Auth
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

app = Starlette(routes=[Route("/hello", lambda request: PlainTextResponse("hello"))])
auth = Auth()


@auth.authenticate
async def who(authorization: str | None) -> str:
    if authorization != "Bearer open sesame":
        raise Auth.exceptions.HTTPException(status_code=401, detail="say the word")
    return "somebody"


@asynccontextmanager
async def saver():
    async with AsyncSqliteSaver.from_conn_string("kept.sqlite") as made:
        await made.setup()
        yield made
"""

CONFIG = {
    "dependencies": ["."],
    "graphs": {
        "by_file": "./tiny/graphs.py:doubling",
        "by_module": "tiny.graphs:doubling",
        "described": {"path": "./tiny/graphs.py:asking", "description": "Ask how many."},
    },
    "checkpointer": {"path": "./tiny/services.py:saver"},
    "http": {"app": "./tiny/services.py:app"},
    "auth": {"path": "./tiny/services.py:auth"},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose langgraph.json has every form that names a place."""
    root = tmp_path_factory.mktemp("project")
    (root / "tiny").mkdir()
    (root / "tiny" / "graphs.py").write_text(GRAPHS)
    (root / "tiny" / "services.py").write_text(SERVICES)
    (root / "langgraph.json").write_text(json.dumps(CONFIG))
    return root


async def test_a_project_is_served_from_any_directory(
    fresh_dev_server: Callable[..., DevServer], project: Path
) -> None:
    server = fresh_dev_server(project=project)
    sdk = get_client(url=server.url, headers={"Authorization": "Bearer open sesame"})
    for name in ("by_file", "by_module"):
        assert await sdk.runs.wait(None, name, input={"x": 4}) == {"x": 8}
    thread = (await sdk.threads.create())["thread_id"]
    await sdk.runs.wait(thread, "described", input={"x": 0})
    assert await sdk.runs.wait(thread, "described", command={"resume": 3}) == {"x": 3}
    assert (server.directory / "kept.sqlite").exists()
    async with httpx.AsyncClient(base_url=server.url) as stranger:
        assert (await stranger.get("/hello")).text == "hello"
        assert (await stranger.post("/threads", json={})).status_code == 401


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[DevServer]:
    """Braid's own server with graphs of a test's own beside its workflows."""
    file = project / "tiny" / "graphs.py"
    extra = {name: f"{file}:{name}" for name in ("asking", "meeting", "failing")}
    server = DevServer(tmp_path_factory.mktemp("extended"), extra_graphs=extra).start()
    yield server
    server.stop()


async def test_extra_graphs_are_served_beside_the_workflows(extended: DevServer) -> None:
    sdk = get_client(url=extended.url)
    served = {assistant["graph_id"] for assistant in await sdk.assistants.search(limit=99)}
    assert {"document_review", "asking", "meeting", "failing"} <= served
    result: Any = await sdk.runs.wait(None, "failing", input={"x": 1}, raise_error=False)
    assert "told to fail" in json.dumps(result)


async def test_runs_on_one_server_run_side_by_side(extended: DevServer) -> None:
    sdk = get_client(url=extended.url)
    runs = [sdk.runs.wait(None, "meeting", input={"x": number}) for number in (1, 2)]
    assert await asyncio.gather(*runs) == [{"x": 1}, {"x": 2}]


async def test_a_restart_sees_what_the_stopped_server_kept(
    fresh_dev_server: Callable[..., DevServer], project: Path
) -> None:
    server = fresh_dev_server(extra_graphs={"asking": f"{project}/tiny/graphs.py:asking"})
    sdk = get_client(url=server.url)
    thread = (await sdk.threads.create())["thread_id"]
    await sdk.runs.wait(thread, "asking", input={"x": 0})
    server.stop()
    with pytest.raises(httpx.ConnectError):
        await sdk.threads.get(thread)
    server.start()
    sdk = get_client(url=server.url)
    assert await sdk.runs.wait(thread, "asking", command={"resume": 3}) == {"x": 3}
    server.kill()
    assert server.process.returncode == -signal.SIGKILL


class Foreign(http.server.BaseHTTPRequestHandler):
    """Says that all is well, whatever it is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


def test_a_foreign_server_on_the_port_is_not_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch, fresh_dev_server: Callable[..., DevServer]
) -> None:
    find = support.dev_server._free_port
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foreign) as foreign:
        threading.Thread(target=foreign.serve_forever, daemon=True).start()
        ports = iter([foreign.server_port])
        monkeypatch.setattr(support.dev_server, "_free_port", lambda: next(ports, None) or find())
        server = fresh_dev_server()
        foreign.shutdown()
    assert next(ports, None) is None
    assert server.url != f"http://127.0.0.1:{foreign.server_port}"
    assert httpx.get(f"{server.url}/ok").json()["ok"] is True


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    broken = DevServer(tmp_path, extra_graphs={"broken": f"{tmp_path}/missing.py:graph"})
    with pytest.raises(AssertionError, match=r"missing\.py"):
        broken.start()


async def test_the_shared_server_serves_without_a_key(dev_server: DevServer) -> None:
    sdk = get_client(url=dev_server.url)
    result: Any = await sdk.runs.wait(None, "creative_trio", input={"topic": "tea"})
    assert result["status"] == "complete"
