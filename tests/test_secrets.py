"""Keys and passwords reach no output, no error, no database, no picture and no log.

Real commands against servers that throw the caller's own headers back at them; then all that they
printed or left behind is searched for every secret.
"""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg
import pytest
from support.cli import Cli, Result
from support.databases import fresh_postgres
from support.dev_server import DevServer
from support.openai_server import OpenAIServer, Status
from support.web import Reply, Web
from support.workflows import EXAMPLES

from state.redaction import redact, redacted

SECRETS = {
    "OPENAI_API_KEY": "sk-canary-of-the-model",
    "FLIGHTS_KEY": "canary/of+the=source",
    "BRAID_TOKEN": "ada:canary-token-of-ada,bob:canary-token-of-bob",
}
AES_KEY = "canary-of-16-byt"
USER, PASSWORD = "canary-user", "canary:p@ss/word"
USERINFO = f"{quote(USER)}:{quote(PASSWORD, safe='')}"
HEADER = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
KIT = {
    "title": "Write a title",
    "meta_description": "meta description",
    "social_post": "social post",
    "hashtags": "hashtags",
}


def written(secret: str) -> set[str]:
    """Return the ways in which a secret may be written."""
    return {secret, quote(secret), quote(secret, safe="")}


WANTED = {
    HEADER,
    *written(PASSWORD),
    *written(SECRETS["OPENAI_API_KEY"]),
    *written(SECRETS["FLIGHTS_KEY"]),
    *written("canary-token-of-ada"),
    *written("canary-token-of-bob"),
    AES_KEY,
}


def leaks(said: str | bytes) -> list[str]:
    raw = said.encode() if isinstance(said, str) else said
    return [secret for secret in WANTED if secret.encode() in raw]


def check(directory: Path, *results: Result) -> None:
    """Search what was printed, and every file in the directory as bytes."""
    for result in results:
        assert leaks(result.out) == [], result.out
        assert leaks(result.err) == [], result.err
    for file in directory.rglob("*"):
        assert not file.is_file() or leaks(file.read_bytes()) == [], file


def refusal(code: int) -> Status:
    """Return an error that repeats all that a request brings with it."""
    key = SECRETS["OPENAI_API_KEY"]
    others = " ".join(sorted(WANTED - {AES_KEY}))
    said = f"You sent {key}, Basic {HEADER}, http://{USERINFO}@here. {others}"
    return Status(code, {"Retry-After": "0", "X-Sent": HEADER}, said)


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer(labels=KIT) as server:
        yield server


@pytest.fixture
def told(braid: Cli, model: OpenAIServer) -> Cli:
    """Give the command line, told every secret there is."""
    braid.env |= {**SECRETS, "OPENAI_BASE_URL": model.url.replace("//", f"//{USERINFO}@")}
    return braid


def test_a_run_that_succeeds_sends_the_secrets_and_keeps_none(
    told: Cli, model: OpenAIServer
) -> None:
    told.env["LANGGRAPH_AES_KEY"] = AES_KEY
    check(told.directory, told("run", "content_kit", "topic=tea", "--json"))
    assert leaks(json.dumps(model.asked[0].headers)), "the search finds them where they are"


def test_a_failing_run_leaves_no_secret_anywhere(told: Cli, model: OpenAIServer) -> None:
    for label, code in zip(KIT, (401, 403, 429, 500), strict=True):
        model.script(label, *[refusal(code)] * 99)
    (told.directory / "in.jsonl").write_text('{"topic": "tea"}\n')
    topic = ("content_kit", "topic=tea")
    first = told("run", *topic, "--thread", "t", "--json")
    assert first.status == 3
    assert first.out.count("You sent ***, Basic ***, http") >= 4, "the rest of it is told"
    check(
        told.directory,
        first,
        told("threads", "--json"),
        told("resume", "t", "--retry"),
        told("--debug", "run", *topic, "--timeline", "x.html"),
        told("batch", "content_kit", "in.jsonl", "--out", "out.jsonl"),
    )


def test_an_error_that_ends_the_run_leaves_no_secret(told: Cli, model: OpenAIServer) -> None:
    model.labels = {"synthesis": "<key_terms>"}  # the aggregator, whose error is raised
    model.script("synthesis", *[refusal(400)] * 9)
    run = told("--debug", "run", "topic_explorer", "topic=tea", "--thread", "t", "--json")
    assert run.status == 1
    assert "You sent ***, Basic ***, http" in run.err
    check(told.directory, run, told("resume", "t"))


@pytest.mark.parametrize(
    "database",
    [
        f"postgresql://{USERINFO}@127.0.0.1:9/none",
        f"postgresql://{USERINFO} @127.0.0.1:9/a b",
        f"mysql://{USERINFO}@127.0.0.1/none",
    ],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(
    told: Cli, database: str
) -> None:
    told.env["BRAID_DB"] = database
    run = told("--debug", "run", "creative_trio")
    assert run.status in (1, 2)
    assert "Traceback" in run.err
    check(told.directory, run)


def test_the_doctor_names_places_without_their_passwords(told: Cli) -> None:
    told.env["BRAID_DB"] = f"postgresql://{USERINFO}@127.0.0.1:9/none"
    found = told("doctor")
    assert found.out.count("127.0.0.1") > 1
    check(told.directory, found)


def test_a_postgresql_database_has_neither_its_own_password_nor_others(
    told: Cli, model: OpenAIServer
) -> None:
    model.script("title", refusal(400))
    with fresh_postgres() as url:
        password = quote(PASSWORD, safe="")
        told.env["BRAID_DB"] = url.replace("postgres@", f"postgres:{password}@")
        assert told.env["BRAID_DB"] != url
        check(told.directory, told("run", "content_kit", "topic=tea"))
        with psycopg.connect(url) as server:
            tables = (b"checkpoints", b"checkpoint_blobs", b"checkpoint_writes")
            rows = [row for t in tables for row in server.execute(b"SELECT * FROM " + t)]
    cells = [bytes(c) if isinstance(c, memoryview) else str(c) for row in rows for c in row]
    assert len(cells) > 100
    assert not any(leaks(cell) for cell in cells)


def test_a_source_that_fails_keeps_its_key_to_itself(told: Cli, web: Web, tmp_path: Path) -> None:
    (tmp_path / "sources.toml").write_text(
        f'[flights]\nurl = "{web.url}/flights?q={{query}}&key=${{FLIGHTS_KEY}}"\n'
        'headers = { Authorization = "Bearer ${FLIGHTS_KEY}" }\n'
    )
    del told.env["OPENAI_BASE_URL"], told.env["OPENAI_API_KEY"]
    told.env["BRAID_SOURCES"] = "sources.toml"
    key = SECRETS["FLIGHTS_KEY"]
    for reply in (Reply(f"{key}", 403), Reply(f"no JSON: {key}")):
        web.answers["/flights"] = reply
        run = told("--debug", "run", "travel_plan", "--json")
        assert run.json["failures"]["flights"]["message"]
        check(tmp_path, run)
    assert leaks(json.dumps(web.asked[0].headers))
    assert web.asked[0].params["key"] == key


def test_the_servers_log_answers_and_files_have_no_secret(
    tmp_path: Path, model: OpenAIServer, web: Web
) -> None:
    (tmp_path / "sources.toml").write_text(
        f'[flights]\nurl = "{web.url}/flights?q={{query}}&key=${{FLIGHTS_KEY}}"\n'
        'headers = { Authorization = "Bearer ${FLIGHTS_KEY}" }\n'
    )
    web.answers["/flights"] = Reply("no", 500, {"Retry-After": "0"})
    address = model.url.replace("//", f"//{USERINFO}@")
    places = {"OPENAI_BASE_URL": address, "BRAID_SOURCES": str(tmp_path / "sources.toml")}
    server = DevServer(
        tmp_path / "server", {**SECRETS, **places, "LANGGRAPH_AES_KEY": AES_KEY}
    ).start()
    token = {"Authorization": "Bearer canary-token-of-ada"}
    try:
        with httpx.Client(base_url=server.url, headers=token, timeout=60) as ada:
            for workflow, labels in (
                ("content_kit", KIT),
                ("topic_explorer", {"synthesis": "<key_terms>"}),
                ("travel_plan", {}),
            ):
                model.labels = labels
                for label in labels:
                    model.script(label, *[refusal(401)] * 3)
                given = json.loads((EXAMPLES / f"{workflow}.json").read_text())
                body = {"assistant_id": workflow, "input": given}
                thread = ada.post("/threads", json={}).json()["thread_id"]
                place = f"/threads/{thread}"
                answers = [
                    ada.post(f"{place}/runs/wait", json=body),
                    ada.get(f"{place}/state"),
                    ada.get(f"{place}/history"),
                    ada.get(f"{place}/runs"),
                    ada.get(place),
                ]
                assert [leaks(answer.content) for answer in answers] == [[]] * 5
    finally:
        server.stop()
    assert web.asked, "the source was asked"
    check(server.directory)


def test_what_is_hidden_and_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRAID_DB", "postgresql://postgres:postgres@127.0.0.1/braid")
    monkeypatch.setenv("MY_API_KEY_2", "a key of my own")
    monkeypatch.setenv("SHORT_KEY", "tea")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://token-for-proxy@example.org/v1?api_key=12345678")
    told = redacted("postgresql tea: a key of my own, https://token-for-proxy@x?api_key=12345678")
    assert told == "postgresql tea: ***, https://***@x?api_key=***"


def test_an_error_is_cleansed_with_all_that_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")

    @dataclass(frozen=True)
    class Odd(Exception):
        code: int

    several = [ValueError("sk-canary", 7), Odd(3)]
    first, error = KeyError("sk-canary"), ExceptionGroup("several", several)
    error.__context__, error.__cause__ = first, RuntimeError("sk-canary")
    several[0].__cause__ = error  # a circle
    redact(error)
    assert "sk-canary" not in "".join(traceback.format_exception(error))
    assert several[0].args == ("***", 7)
    assert first.args == ("***",)
