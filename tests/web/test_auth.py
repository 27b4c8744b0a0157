"""Who may do what on a real `langgraph dev`, asked over plain HTTP as a stranger would."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from support.cli import ROOT, Cli
from support.dev_server import DevServer
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from web.auth import STUDIO, Refused, admit, read_users

TOKENS = {"ada": "secret-of-ada", "bob": "secret-of-bob"}
BRAID_TOKEN = ",".join(f"{name}:{token}" for name, token in TOKENS.items())
CONFIG = json.loads((ROOT / "langgraph.json").read_text())
WITH_A_PAGE = """
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from web.auth import Gate

async def page(request):
    return PlainTextResponse(f"hello {request.user.identity}")

app = Starlette(routes=[Route("/page", page)], middleware=[Middleware(Gate)])
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server with two users, and with a page of its own."""
    directory = tmp_path_factory.mktemp("two_users")
    started = DevServer(directory, {"BRAID_TOKEN": BRAID_TOKEN, "BRAID_OFFLINE_LATENCY": "0"})
    page = directory / "page.py"
    page.write_text(WITH_A_PAGE)
    config = json.loads((directory / "langgraph.json").read_text())
    config["http"]["app"] = f"{page}:app"
    (directory / "langgraph.json").write_text(json.dumps(config))
    yield started.start()
    started.stop()


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A developer's server, without a token."""
    started = DevServer(tmp_path_factory.mktemp("open"), {"BRAID_OFFLINE_LATENCY": "0"}).start()
    yield started
    started.stop()


def client(server: DevServer, token: str | None = None) -> httpx.Client:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=60)


@pytest.fixture(scope="module")
def ada(server: DevServer) -> Iterator[httpx.Client]:
    with client(server, TOKENS["ada"]) as made:
        yield made


@pytest.fixture(scope="module")
def bob(server: DevServer) -> Iterator[httpx.Client]:
    with client(server, TOKENS["bob"]) as made:
        yield made


@pytest.fixture
def nobody(server: DevServer) -> Iterator[httpx.Client]:
    with client(server) as made:
        yield made


def run(topic: str, **more: Any) -> dict[str, Any]:
    return {"assistant_id": "creative_trio", "input": {"topic": topic}, **more}


@pytest.fixture(scope="module")
def thread(ada: httpx.Client) -> str:
    """A thread of ada's on which something was run."""
    made: str = ada.post("/threads", json={}).json()["thread_id"]
    answer = ada.post(f"/threads/{made}/runs/wait", json=run("a kettle"))
    assert answer.json()["status"] == "complete"
    return made


# Who comes in


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/threads"),
        ("POST", "/threads/search"),
        ("POST", "/runs/wait"),
        ("POST", "/runs/stream"),
        ("POST", "/runs/crons/search"),
        ("POST", "/assistants/search"),
        ("POST", "/store/items/search"),
        ("POST", "/mcp"),
        ("POST", "/internal/truncate"),
        ("POST", "/deploy"),
        ("GET", "/page"),
        ("GET", "/ui/creative_trio"),
        ("GET", "/"),
        ("GET", "/info"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
    ],
)
def test_without_a_token_nothing_is_answered(
    nobody: httpx.Client, method: str, path: str, thread: str
) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer secret-of-eve"},
        {"Authorization": f"Basic {TOKENS['ada']}"},
        {"Authorization": "Bearer ünicode"},
        {"x-auth-scheme": "langsmith"},  # the server would let Studio in by this alone
        {"x-api-key": TOKENS["ada"]},
    ):
        raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        body = {} if method == "POST" else None
        answer = nobody.request(method, path, json=body, headers=raw)
        assert answer.status_code == 401, (headers, answer.text)
        assert "Authorization: Bearer" in answer.json()["detail"]


def test_health_is_told_to_everybody(nobody: httpx.Client) -> None:
    assert nobody.get("/ok").json()["ok"]


def test_a_page_of_ones_own_is_for_users_and_knows_which(
    ada: httpx.Client, bob: httpx.Client
) -> None:
    assert ada.get("/page").text == "hello ada"
    assert bob.get("/page").text == "hello bob"


async def test_a_websocket_needs_a_token_too(server: DevServer, thread: str) -> None:
    url = f"{server.url.replace('http', 'ws')}/threads/{thread}/stream/events"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url):
            pass
    assert refused.value.response.status_code in (401, 403)


# Whose threads


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/threads/{}", None),
        ("PATCH", "/threads/{}", {"metadata": {"owner": "bob"}}),
        ("DELETE", "/threads/{}", None),
        ("GET", "/threads/{}/state", None),
        ("GET", "/threads/{}/state?subgraphs=true", None),
        ("POST", "/threads/{}/state", {"values": {"topic": "mine now"}}),
        ("POST", "/threads/{}/state/checkpoint", {"checkpoint": {"checkpoint_ns": ""}}),
        ("GET", "/threads/{}/history", None),
        ("POST", "/threads/{}/history", {}),
        ("POST", "/threads/{}/copy", {}),
        ("GET", "/threads/{}/stream", None),
        ("GET", "/threads/{}/runs", None),
        ("POST", "/threads/{}/runs", run("mine now")),
        ("POST", "/threads/{}/runs", run("mine now", if_not_exists="create")),
        ("POST", "/threads/{}/runs/wait", run("mine now")),
        ("POST", "/threads/{}/runs/stream", run("mine now")),
        ("POST", "/threads/{}/runs/wait", {"assistant_id": "creative_trio", "input": None}),
        ("POST", "/threads/{}/runs/crons", {**run("x"), "schedule": "* * * * *"}),
        ("GET", "/internal/debug/thread/{}", None),
    ],
)
def test_a_thread_of_anothers_cannot_be_told_from_one_that_is_not_there(
    ada: httpx.Client, bob: httpx.Client, thread: str, method: str, path: str, body: Any
) -> None:
    before = ada.get(f"/threads/{thread}/state").json()
    answer = bob.request(method, path.format(thread), json=body)
    assert answer.status_code in (403, 404, 409) or "not found" in answer.text, answer.text
    assert "kettle" not in answer.text
    assert ada.get(f"/threads/{thread}/state").json() == before
    assert ada.get(f"/threads/{thread}").json()["metadata"]["owner"] == "ada"


def test_a_run_of_anothers_cannot_be_seen_stopped_or_deleted(
    ada: httpx.Client, bob: httpx.Client, thread: str
) -> None:
    [made] = ada.get(f"/threads/{thread}/runs").json()
    place = f"/threads/{thread}/runs/{made['run_id']}"
    assert bob.get(place).status_code == 404
    assert bob.delete(place).status_code == 404
    assert bob.post(f"{place}/cancel").status_code == 404
    assert "kettle" not in bob.get(f"{place}/join").text
    assert "kettle" not in bob.get(f"{place}/stream").text
    everything = {"status": "all"}
    assert bob.post("/runs/cancel", json=everything).status_code == 404
    own = bob.post("/threads", json={}).json()["thread_id"]
    assert bob.get(f"/threads/{own}/runs/{made['run_id']}").status_code == 404
    assert ada.get(place).json()["status"] == "success"


def test_searching_and_counting_show_ones_own_threads_only(
    ada: httpx.Client, bob: httpx.Client, thread: str
) -> None:
    mine = bob.post("/threads", json={}).json()["thread_id"]
    # A run without a thread has one of its own, which stays if it is told to.
    assert ada.post("/runs/wait", json=run("tea", on_completion="keep")).status_code == 200
    for wish in ({}, {"metadata": {"owner": "ada"}}, {"ids": [thread, mine]}, {"values": {}}):
        found = bob.post("/threads/search", json={**wish, "limit": 100}).json()
        assert thread not in [each["thread_id"] for each in found]
        assert {each["metadata"]["owner"] for each in found} <= {"bob"}
    counts = [each.post("/threads/count", json={}).json() for each in (ada, bob)]
    assert all(counts)
    assert bob.post("/threads/count", json={"metadata": {"owner": "ada"}}).json() == 0
    assert bob.post("/threads/prune", json={"thread_ids": [mine, thread]}).status_code == 404
    assert ada.get(f"/threads/{thread}").status_code == 200


def test_nobody_can_make_a_thread_in_anothers_name(
    server: DevServer, bob: httpx.Client, ada: httpx.Client
) -> None:
    forged = {"owner": "ada"}
    made = bob.post("/threads", json={"metadata": forged}).json()
    assert made["metadata"] == {"owner": "bob"}
    place = f"/threads/{made['thread_id']}"
    assert bob.patch(place, json={"metadata": forged}).json()["metadata"]["owner"] == "bob"
    more = {"metadata": forged, "config": {"metadata": forged, "configurable": forged}}
    assert bob.post(f"{place}/runs/wait", json=run("tea", **more)).status_code == 200
    assert bob.get(place).json()["metadata"]["owner"] == "bob"
    assert ada.get(place).status_code == 404
    with sqlite3.connect(server.env["BRAID_DB"]) as database:
        kept = database.execute(
            "SELECT DISTINCT json_extract(CAST(metadata AS TEXT), '$.owner') FROM checkpoints"
            " WHERE thread_id = ?",
            (made["thread_id"],),
        ).fetchall()
    assert kept == [("bob",)]


def test_an_id_that_another_was_first_to_use_is_refused(
    ada: httpx.Client, bob: httpx.Client
) -> None:
    guessed = {"thread_id": str(uuid4()), "if_exists": "do_nothing"}
    assert bob.post("/threads", json=guessed).status_code == 200
    assert ada.post("/threads", json=guessed).status_code == 409
    assert ada.get(f"/threads/{guessed['thread_id']}").status_code == 404


def test_a_thread_cannot_be_smuggled_in_beside_ones_own(bob: httpx.Client, thread: str) -> None:
    own = bob.post("/threads", json={"metadata": {"graph_id": "creative_trio"}}).json()["thread_id"]
    elsewhere = {"thread_id": thread, "checkpoint_ns": ""}
    for path, body in [
        ("/runs/wait", run("tea", config={"configurable": elsewhere})),
        ("/runs/wait", run("tea", checkpoint=elsewhere)),
        (f"/threads/{own}/runs/wait", {**run("tea"), "input": None, "checkpoint": elsewhere}),
        (f"/threads/{own}/state/checkpoint", {"checkpoint": elsewhere}),
        (f"/threads/{own}/history", {"checkpoint": elsewhere, "limit": 9}),
        (f"/threads/{own}/state", {"values": {"topic": "x"}, "checkpoint": elsewhere}),
    ]:
        assert "kettle" not in bob.post(path, json=body).text


def test_studios_header_makes_nobody_a_developer(bob: httpx.Client, thread: str) -> None:
    as_studio = {"x-auth-scheme": "langsmith"}
    assert bob.get(f"/threads/{thread}/state", headers=as_studio).status_code == 404
    assert bob.get("/page", headers=as_studio).text == "hello bob"


async def test_the_events_of_a_run_reach_its_owner_only(
    server: DevServer, ada: httpx.Client, bob: httpx.Client
) -> None:
    made = await asyncio.to_thread(ada.post, "/threads", json={})
    thread = made.json()["thread_id"]
    url = f"{server.url.replace('http', 'ws')}/threads/{thread}/stream/events"
    heard: dict[str, str] = {}

    async def listen(name: str, ready: asyncio.Event) -> None:
        headers = {"Authorization": f"Bearer {TOKENS[name]}"}
        with suppress(Exception):  # however bob is turned away
            async with connect(url, additional_headers=headers) as wire:
                wish = {"channels": ["values", "custom", "tasks", "lifecycle"]}
                ask = {"id": 1, "method": "subscription.subscribe", "params": wish}
                await wire.send(json.dumps(ask))
                ready.set()
                async for part in wire:
                    heard[name] = heard.get(name, "") + str(part)
        ready.set()

    ready = [asyncio.Event(), asyncio.Event()]
    listening = [
        asyncio.create_task(listen(n, r)) for n, r in zip(("ada", "bob"), ready, strict=True)
    ]
    for each in ready:
        await each.wait()
    body = run("a samovar")
    await asyncio.to_thread(ada.post, f"/threads/{thread}/runs/wait", json=body)
    async with asyncio.timeout(20):
        while "samovar" not in heard.get("ada", ""):
            await asyncio.sleep(0.05)
    for task in listening:
        task.cancel()
    assert "samovar" not in heard.get("bob", "")
    posted = {"id": 1, "method": "run.start", "params": run("mine")}
    await asyncio.to_thread(bob.post, f"/threads/{thread}/commands", json=posted)
    runs = await asyncio.to_thread(ada.get, f"/threads/{thread}/runs")
    assert len(runs.json()) == 1


def test_users_may_run_the_workflows_and_change_none(bob: httpx.Client) -> None:
    found = bob.post("/assistants/search", json={"limit": 100}).json()
    assert {each["graph_id"] for each in found} == set(CONFIG["graphs"])
    place = f"/assistants/{found[0]['assistant_id']}"
    assert bob.get(f"{place}/schemas").status_code == 200
    assert bob.post("/assistants", json={"graph_id": "creative_trio"}).status_code == 403
    assert bob.patch(place, json={"name": "mine"}).status_code == 403
    assert bob.delete(place).status_code == 403
    call = {"name": "creative_trio", "arguments": {"topic": "bread"}}
    asked = {"jsonrpc": "2.0", "id": "1", "method": "tools/call", "params": call}
    told = bob.post("/mcp", json=asked, headers={"Accept": "application/json, text/event-stream"})
    assert "'status': 'complete'" in told.text


def test_users_keep_items_under_their_own_name_only(ada: httpx.Client, bob: httpx.Client) -> None:
    item = {"namespace": ["ada", "notes"], "key": "k", "value": {"said": "kettle"}}
    assert bob.put("/store/items", json=item).status_code == 403
    assert ada.put("/store/items", json=item).status_code == 204
    assert bob.get("/store/items?namespace=ada.notes&key=k").status_code == 403
    for prefix in ([], ["ada"]):
        answer = bob.post("/store/items/search", json={"namespace_prefix": prefix})
        assert answer.status_code == 403
    assert bob.post("/store/namespaces", json={}).status_code == 403
    assert bob.post("/store/namespaces", json={"prefix": ["bob"]}).json() == {"namespaces": []}


def test_what_belongs_to_the_developer_is_closed_to_users(ada: httpx.Client, thread: str) -> None:
    for method, path in [
        ("POST", "/internal/truncate"),
        ("GET", f"/internal/debug/thread/{thread}"),
        ("GET", "/deploy"),
        ("POST", "/deploy"),
        ("POST", "/runs/crons"),
    ]:
        answer = ada.request(method, path, json={**run("x"), "schedule": "* * * * *"})
        assert answer.status_code in (403, 404), path
    assert ada.get(f"/threads/{thread}").status_code == 200


# What a crash leaves


def test_a_thread_that_the_server_forgot_is_still_its_owners(
    fresh_dev_server: Callable[..., DevServer], braid: Cli, tmp_path: Path
) -> None:
    env = {"BRAID_TOKEN": BRAID_TOKEN, "BRAID_DB": braid.env["BRAID_DB"]}
    server = fresh_dev_server(env={**env, "BRAID_OFFLINE_LATENCY": "0"})
    thread, unmade, kept = str(uuid4()), str(uuid4()), str(uuid4())
    with client(server, TOKENS["ada"]) as ada:
        ada.post("/threads", json={"thread_id": thread})
        ada.post(f"/threads/{thread}/runs/wait", json=run("a kettle"))
    server.kill()  # before it has written down which threads there are
    assert braid("run", "creative_trio", "topic=a kettle", "--thread", kept).status == 0
    server.start()
    again = {"if_exists": "do_nothing", "metadata": {"graph_id": "creative_trio"}}
    with client(server, TOKENS["ada"]) as ada, client(server, TOKENS["bob"]) as bob:
        assert ada.get(f"/threads/{thread}").status_code == 404, "the server did forget it"
        for theirs in (thread, kept):
            answers = [
                bob.post("/threads", json={"thread_id": theirs, **again}),
                bob.post(f"/threads/{theirs}/runs/wait", json=run("x", if_not_exists="create")),
                bob.get(f"/threads/{theirs}/state"),
                bob.get(f"/threads/{theirs}/history"),
            ]
            assert [each.status_code for each in answers] == [404] * 4
        assert bob.post("/threads", json={"thread_id": unmade, **again}).status_code == 200
        assert ada.post("/threads", json={"thread_id": thread, **again}).status_code == 200
        assert ada.get(f"/threads/{thread}/state").json()["values"]["topic"] == "a kettle"
        assert bob.get(f"/threads/{thread}/state").status_code == 404


# Without a token


def test_without_tokens_a_developer_may_do_everything(open_server: DevServer) -> None:
    with client(open_server) as developer:
        thread = developer.post("/threads", json={}).json()
        assert thread["metadata"] == {"owner": "owner"}
        answer = developer.post(f"/threads/{thread['thread_id']}/runs/wait", json=run("tea"))
        assert answer.json()["status"] == "complete"
        assistant = developer.post("/assistants", json={"graph_id": "creative_trio"})
        assert assistant.status_code == 200
        item = {"namespace": ["notes"], "key": "k", "value": {}}
        assert developer.put("/store/items", json=item).status_code == 204


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (STUDIO, True),
        ("http://localhost:3000", True),
        ("http://127.0.0.1:2024", True),
        ("http://[::1]:2024", True),
        ("https://evil.example", False),
        ("https://smith.langchain.com.evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("null", False),
    ],
)
def test_studio_and_this_machines_pages_are_let_in_and_no_others(
    open_server: DevServer, server: DevServer, origin: str, allowed: bool
) -> None:
    for each, token in ((open_server, None), (server, TOKENS["ada"])):
        with client(each, token) as page:
            asking = {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            }
            before = page.options("/runs/wait", headers=asking)
            answer = page.post("/threads/search", json={}, headers={"Origin": origin})
            granted = [r.headers.get("Access-Control-Allow-Origin") for r in (before, answer)]
            assert granted == ([origin, origin] if allowed else [None, None])
    with client(open_server) as page:
        # A form needs nobody's leave to be sent, so what counts is that it has no effect.
        form = {"Origin": origin, "Content-Type": "text/plain"}
        sent = page.post("/threads", content=b"{}", headers=form)
        assert sent.status_code == (200 if allowed else 403)


def test_a_refusal_can_be_read_by_studio(server: DevServer) -> None:
    with client(server) as studio:
        answer = studio.post("/threads/search", json={}, headers={"Origin": STUDIO})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == STUDIO


def test_a_name_that_was_made_to_point_here_is_refused(open_server: DevServer) -> None:
    with client(open_server) as page:
        for host in ("evil.example", "evil.example:2024", "localhost.evil.example", "[", ""):
            answer = page.post("/threads/search", json={}, headers={"Host": host})
            assert answer.status_code == 403
            assert page.get("/docs", headers={"Host": host}).status_code == 403
        assert page.post("/threads/search", json={}, headers={"Host": "localhost"}).is_success


@pytest.mark.parametrize(
    ("client", "admitted"),
    [
        (("127.0.0.1", 5000), True),
        (("127.9.9.9", 5000), True),
        (("::1", 5000), True),
        (("::ffff:127.0.0.1", 5000), True),
        (None, True),
        (("192.168.1.7", 5000), False),
        (("::ffff:192.168.1.7", 5000), False),
        (("2001:db8::7", 5000), False),
        (("somewhere", 5000), False),
    ],
)
def test_without_tokens_other_machines_are_refused(
    client: tuple[str, int] | None, admitted: bool
) -> None:
    scope = {"client": client, "headers": [(b"host", b"127.0.0.1:2024")]}
    if admitted:
        assert admit(scope) == "owner"
    else:
        with pytest.raises(Refused) as refused:
            admit(scope)
        assert refused.value.status_code == 403


@pytest.mark.parametrize(
    ("workflow", "given"),
    [
        ("research", {"question": "why?", "folder": "/etc"}),
        ("multi_query_rag", {"question": "why?", "folder": "../.."}),
        ("social_post", {"image": "/etc/cup.png"}),
    ],
)
def test_a_caller_cannot_have_any_file_of_the_servers_read(
    open_server: DevServer, workflow: str, given: dict[str, str]
) -> None:
    with client(open_server) as caller:
        answer = caller.post("/runs/wait", json={"assistant_id": workflow, "input": given})
    assert answer.json()["__error__"]["error"] == "InputError"
    assert "may not be read here" in answer.json()["__error__"]["message"]


# The setting


def test_tokens_are_read_with_their_names() -> None:
    assert read_users("secret-1") == {"owner": "secret-1"}
    assert read_users("ada:secret-1, bob@example.org:secret-2") == {
        "ada": "secret-1",
        "bob@example.org": "secret-2",
    }


@pytest.mark.parametrize(
    "setting",
    [
        "short",
        "ada:",
        ":secret-1",
        "ada:secret-1,",
        "ada:secret-1,,bob:secret-2",
        "ada:secret-1,ada:secret-2",
        "ada:secret-1,bob:secret-1",
        "secret-1,secret-2",
        "ada:bob:secret-1",
        "a secret with spaces",
        "sécret-of-ada",
    ],
)
def test_a_malformed_setting_is_refused_in_one_sentence_that_does_not_repeat_it(
    setting: str,
) -> None:
    with pytest.raises(ValueError, match=r"^BRAID_TOKEN: its part \d ") as refused:
        read_users(setting)
    told = str(refused.value)
    assert "secret-" not in told
    assert "short" not in told


def test_a_server_with_a_malformed_setting_does_not_start(tmp_path: Path) -> None:
    server = DevServer(tmp_path, {"BRAID_TOKEN": "ada:canary"})
    with pytest.raises(AssertionError, match="did not start"):
        server.start()
    told = server.log.read_text()
    assert "braid: BRAID_TOKEN: its part 1 is neither" in told
    assert "canary" not in told
    assert "Traceback" not in told
