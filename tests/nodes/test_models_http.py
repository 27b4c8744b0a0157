"""The real client over HTTP, against a server that answers whatever a test tells it to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.messages import HumanMessage
from pydantic import BaseModel, Field

from nodes.models import Image, UnusableAnswer, chat, fill, write
from nodes.models.asking import _messages
from nodes.models.wire import response_format

SECRET = "the whole secret document " * 40


class Verdict(BaseModel):
    """What is asked for."""

    score: float = Field(ge=0, le=10)
    reason: str = Field(max_length=200)


class Server(ThreadingHTTPServer):
    """Answers every request with `choice`, whole or streamed, and keeps what it was asked."""

    daemon_threads = True
    choice: dict[str, Any]
    body: bytes | None = None
    """Answered instead of a completion."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def answers(self, content: str | None, finish: str = "stop", **message: Any) -> None:
        told = {"role": "assistant", "content": content, **message}
        self.choice = {"index": 0, "message": told, "finish_reason": finish}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers["Authorization"])
        head = {"id": "1", "created": 1, "model": body["model"]}
        usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
        if self.server.body is not None:
            self.reply("application/json", self.server.body)
        elif body.get("stream"):
            delta = self.server.choice["message"]
            first = {"index": 0, "delta": delta, "finish_reason": None}
            last = {"index": 0, "delta": {}, "finish_reason": self.server.choice["finish_reason"]}
            parts = [{"choices": [first]}, {"choices": [last]}, {"choices": [], "usage": usage}]
            lines = [
                f"data: {json.dumps({**head, 'object': 'chat.completion.chunk', **part})}\n\n"
                for part in parts
            ]
            self.reply("text/event-stream", "".join([*lines, "data: [DONE]\n\n"]).encode())
        else:
            whole = {"object": "chat.completion", "choices": [self.server.choice], "usage": usage}
            self.reply("application/json", json.dumps({**head, **whole}).encode())

    def reply(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        running.answers("Fine.")
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        yield running
        running.shutdown()


@pytest.fixture(params=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings that have the answer come whole, or piece by piece as LangGraph's stream does."""
    return {"streaming": request.param == "streamed"}


async def test_text_comes_back_stripped(server: Server, streamed: dict[str, Any]) -> None:
    server.answers("  Good tea.\n")
    assert await write(None, "Write.", settings=streamed, topic="tea") == "Good tea."
    assert [m["role"] for m in server.asked[0]["messages"]] == ["system", "user"]
    assert server.asked[0].get("stream", False) is streamed["streaming"]


async def test_a_value_comes_back_validated(server: Server, streamed: dict[str, Any]) -> None:
    server.answers('{"score": 7, "reason": "It is short."}')
    verdict = await fill(None, Verdict, "Judge.", settings=streamed, document="A text")
    assert verdict == Verdict(score=7, reason="It is short.")
    assert server.asked[0]["response_format"] == response_format(Verdict)


async def test_a_value_may_come_in_a_markdown_fence(server: Server) -> None:
    server.answers('```json\n{"score": 7, "reason": "It is short."}\n```')
    assert (await fill(None, Verdict, "Judge.", document="A text")).score == 7


@pytest.mark.parametrize(
    ("content", "finish", "message", "sentence"),
    [
        ("no json", "stop", {}, "The model's answer is not a valid Verdict: Invalid JSON"),
        ('{"score": 11, "reason": ""}', "stop", {}, r"valid Verdict: score: .* equal to 10\."),
        ('{"score": -1}', "stop", {}, r"valid Verdict: score: .* \(and 1 more\)\."),
        ('{"score": 1, "reason": "', "length", {}, "answer was cut off at the token limit"),
        ("", "content_filter", {}, "answer was stopped by the provider's content filter"),
        (None, "stop", {"refusal": "I won't."}, "model refused to give Verdict: I won't."),
        (None, "stop", {}, "The model's answer is empty; Verdict was asked for"),
    ],
)
async def test_what_is_no_value_is_an_unusable_answer(
    server: Server,
    streamed: dict[str, Any],
    content: str | None,
    finish: str,
    message: dict[str, Any],
    sentence: str,
) -> None:
    server.answers(content, finish, **message)
    with pytest.raises(UnusableAnswer, match=sentence):
        await fill(None, Verdict, "Judge.", settings=streamed, document="A text")


async def test_an_error_never_repeats_the_document(server: Server) -> None:
    for content in (SECRET, json.dumps({"score": SECRET, "reason": SECRET})):
        server.answers(content)
        with pytest.raises(UnusableAnswer) as caught:
            await fill(None, Verdict, "Judge.", document=SECRET)
        assert len(str(caught.value)) < 300
        assert SECRET not in str(caught.value)


async def test_a_refusal_of_text_is_an_unusable_answer(server: Server) -> None:
    server.answers(None, refusal="I will not.")
    with pytest.raises(UnusableAnswer, match="refused to give text: I will not"):
        await write(None, "Write.", topic="tea")


@pytest.mark.parametrize(
    "body", [b'{"choices": null}', b"{}", b'"text"', b'{"choices": []}', b"<html>"]
)
async def test_a_reply_that_is_no_completion_is_an_unusable_answer(
    server: Server, streamed: dict[str, Any], body: bytes
) -> None:
    server.body = body
    with pytest.raises(UnusableAnswer, match="The server's reply is no chat completion"):
        await write(None, "Write.", settings=streamed, topic="tea")
    with pytest.raises(UnusableAnswer, match="The server's reply is no chat completion"):
        await fill(None, Verdict, "Judge.", settings=streamed, topic="tea")


async def test_usage_is_reported_whole_and_streamed(
    server: Server, streamed: dict[str, Any]
) -> None:
    meter = UsageMetadataCallbackHandler()
    messages = _messages("Write.", (), {"topic": "tea"})
    await chat(None, **streamed).ainvoke(messages, config={"callbacks": [meter]})
    assert [use["output_tokens"] for use in meter.usage_metadata.values()] == [7]


async def test_an_image_reaches_the_server(server: Server) -> None:
    await write(None, "Describe.", images=[Image(b"GIF89a", "image/gif")])
    blocks = server.asked[0]["messages"][1]["content"]
    assert blocks[0]["image_url"]["url"] == "data:image/gif;base64,R0lGODlh"


async def test_the_key_goes_to_the_environments_endpoint_only(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    await write(None, "Write.")
    await write(None, "Write.", settings={"base_url": server.url})
    await write(None, "Write.", settings={"base_url": server.url, "api_key": "sk-own"})
    assert server.keys == ["Bearer sk-canary", "Bearer none", "Bearer sk-own"]


def test_every_event_loop_of_a_process_can_ask(server: Server) -> None:
    async def ask() -> str:
        answers = await asyncio.gather(*(write(None, "Write.", n=str(n)) for n in range(3)))
        return answers[0]

    assert [asyncio.run(ask()) for _ in range(3)] == ["Fine."] * 3


async def test_all_models_of_a_loop_share_its_connections(server: Server) -> None:
    for temperature in (0.1, 0.5, 0.9):
        await write(None, "Write.", settings={"model": "gpt-4o", "temperature": temperature})
    assert [asked["temperature"] for asked in server.asked] == [0.1, 0.5, 0.9]
    assert server.connections == 1


def test_the_model_can_be_asked_without_an_event_loop(server: Server) -> None:
    assert chat().invoke("Write.").text == "Fine."


async def test_a_failed_request_is_made_once(server: Server) -> None:
    class Starts(AsyncCallbackHandler):
        count = 0

        async def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            self.count += 1

    server.body = b"not json"
    starts = Starts()
    with pytest.raises(ValueError, match=r"."):
        await chat().ainvoke([HumanMessage("Write.")], config={"callbacks": [starts]})
    assert (starts.count, len(server.asked)) == (1, 1)
