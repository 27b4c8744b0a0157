"""A server that speaks OpenAI's protocol on loopback, counts what it is asked, and misbehaves.

    with OpenAIServer(labels={"technical": "technical soundness"}) as server:
        server.script("technical", Status(429, {"Retry-After": "0"}), Hang())
        ...                                # OPENAI_BASE_URL=server.url
        assert server.counts["technical"] == 3

A request's label is the first whose text stands in its messages, `other` if none does. Faults of a
label are used up one per request; then it answers. Structured output gets a value that fulfils the
schema that was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

Answer = str | dict[str, Any]


@dataclass(frozen=True)
class Status:
    """Answer with an HTTP error."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "told to fail"


@dataclass(frozen=True)
class Hang:
    """Never answer; ends when the client goes away or the server stops."""


@dataclass(frozen=True)
class Text:
    """Answer 200 with this content, whatever was asked for."""

    content: str


@dataclass(frozen=True)
class Garbage:
    """Answer 200 with a body that is not JSON."""

    body: str = "<html>not an API</html>"


@dataclass(frozen=True)
class Cut:
    """Break the connection in the middle of the answer."""


Fault = Status | Hang | Text | Garbage | Cut


@dataclass
class Asked:
    """One request as the server saw it."""

    label: str
    body: dict[str, Any]
    at: float
    headers: dict[str, str]
    outcome: str = "open"
    """open, answered, failed, or gone (the client went away)."""
    until: float | None = None

    @property
    def text(self) -> str:
        """Return all that the messages say."""
        return " ".join(_text(message["content"]) for message in self.body["messages"])


class OpenAIServer:
    """Runs in a thread of its own; everything here may be called from any thread."""

    def __init__(
        self,
        labels: Mapping[str, str] | None = None,
        answers: Mapping[str, Answer] | Callable[[Asked], Answer | None] | None = None,
        latency: float = 0.0,
    ) -> None:
        self.labels = dict(labels or {})
        self.answers = answers or {}
        self.latency = latency
        self.asked: list[Asked] = []
        self.open = self.peak = 0
        self._scripts: dict[str, deque[Fault]] = defaultdict(deque)
        self._held: dict[str, asyncio.Event] = {}
        self._changed = threading.Condition()
        self._stopping = False

    @property
    def url(self) -> str:
        """Return what OPENAI_BASE_URL is set to."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def env(self) -> dict[str, str]:
        """Return the environment that makes Braid ask this server."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": "sk-test-canary-key"}

    @property
    def counts(self) -> Counter[str]:
        """Count the requests that arrived, by label."""
        return Counter(asked.label for asked in list(self.asked))

    def outcomes(self, label: str) -> list[str]:
        """Return how each request of a label ended, in order of arrival."""
        return [asked.outcome for asked in list(self.asked) if asked.label == label]

    def script(self, label: str, *faults: Fault) -> None:
        """Have the next requests of a label go wrong, one fault each."""
        self._scripts[label].extend(faults)

    def hold(self, *labels: str) -> None:
        """Keep the requests of these labels waiting until they are released."""
        for label in labels:
            self._held[label] = asyncio.Event()

    def release(self, *labels: str) -> None:
        """Answer what is held; without labels, everything."""
        for label in labels or tuple(self._held):
            event = self._held.pop(label, None)
            if event is not None:
                self._loop.call_soon_threadsafe(event.set)

    def wait_for(self, label: str, count: int = 1, *, outcome: str | None = None) -> None:
        """Block until `count` requests of a label have arrived, or ended in an outcome."""

        def there() -> bool:
            found = self.outcomes(label)
            return len([o for o in found if outcome in (None, o)]) >= count

        with self._changed:
            if not self._changed.wait_for(there, timeout=30):
                raise AssertionError(f"{label}: waited for {count}; saw {self.outcomes(label)}")

    def wait_until_idle(self) -> None:
        """Block until no request is open."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.open == 0, timeout=30):
                raise AssertionError(f"{self.open} requests are still open")

    def __enter__(self) -> OpenAIServer:
        routes = [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/models", self._models),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=0, log_level="critical", lifespan="off"
        )
        self._server = uvicorn.Server(config)
        started = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            serving = asyncio.create_task(self._server.serve())
            while not self._server.started:
                await asyncio.sleep(0.001)
            self._port = self._server.servers[0].sockets[0].getsockname()[1]
            started.set()
            await serving

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self.release()
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "test", "object": "model"}]})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        asked = Asked("other", body, time.time(), dict(request.headers))
        asked.label = next((n for n, part in self.labels.items() if part in asked.text), "other")
        with self._note():
            self.asked.append(asked)
            self.open += 1
            self.peak = max(self.peak, self.open)
        serving = asyncio.ensure_future(self._respond(asked))
        leaving = asyncio.ensure_future(self._gone(request))
        try:
            await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                self._end(asked, "gone")
                return PlainTextResponse("gone", 499)
            return serving.result()
        finally:
            serving.cancel()
            leaving.cancel()

    async def _gone(self, request: Request) -> None:
        while not self._stopping and not await request.is_disconnected():
            await asyncio.sleep(0.01)  # Starlette offers no event for it

    async def _respond(self, asked: Asked) -> Response:
        script = self._scripts[asked.label] or self._scripts["*"]
        fault = script.popleft() if script else None
        if (held := self._held.get(asked.label) or self._held.get("*")) is not None:
            await held.wait()
        if self.latency:
            await asyncio.sleep(self.latency)
        match fault:
            case Hang():
                await asyncio.Event().wait()
            case Status(code, headers, message):
                self._end(asked, "failed")
                error = {"message": message, "type": "test", "param": None, "code": str(code)}
                return JSONResponse({"error": error}, code, headers=dict(headers))
            case Garbage(content):
                self._end(asked, "failed")
                return Response(content, media_type="application/json")
            case Text(content):
                return self._answer(asked, content)
            case Cut():
                return self._answer(asked, self._content(asked), cut=True)
        return self._answer(asked, self._content(asked))

    def _content(self, asked: Asked) -> str:
        given = self.answers(asked) if callable(self.answers) else self.answers.get(asked.label)
        wanted = (asked.body.get("response_format") or {}).get("json_schema")
        if given is None and wanted:
            given = fulfil(wanted["schema"])
        elif given is None:
            given = f"An answer for {asked.label}, number {len(self.asked)}."
        return given if isinstance(given, str) else json.dumps(given)

    def _answer(self, asked: Asked, content: str, *, cut: bool = False) -> Response:
        usage = {"prompt_tokens": len(asked.text) // 4, "completion_tokens": len(content) // 4}
        usage["total_tokens"] = sum(usage.values())
        head = {"id": "chat-1", "created": int(asked.at), "model": asked.body["model"]}
        if asked.body.get("stream") or cut:
            chunks = self._stream(asked, head, content, usage, cut)
            return StreamingResponse(chunks, media_type="text/event-stream")
        message = {"role": "assistant", "content": content, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        self._end(asked, "answered")
        return JSONResponse(
            {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        )

    async def _stream(
        self, asked: Asked, head: dict[str, Any], content: str, usage: Any, cut: bool
    ) -> AsyncIterator[str]:
        head = {**head, "object": "chat.completion.chunk"}
        size = max(1, len(content) // 8)
        parts = [content[at : at + size] for at in range(0, len(content), size)]
        outcome = "gone"
        try:
            for number, part in enumerate(parts):
                if cut and number == len(parts) // 2:
                    outcome = "failed"
                    raise ConnectionError("told to cut the stream")
                delta = {"role": "assistant", "content": part}
                choice = {"index": 0, "delta": delta, "finish_reason": None}
                yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
                await asyncio.sleep(0)
            choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
            yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
            if (asked.body.get("stream_options") or {}).get("include_usage"):
                yield f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n"
            yield "data: [DONE]\n\n"
            outcome = "answered"
        finally:
            self._end(asked, outcome)

    def _end(self, asked: Asked, outcome: str) -> None:
        with self._note():
            if asked.until is None:
                asked.outcome, asked.until = outcome, time.time()
                self.open -= 1

    @contextlib.contextmanager
    def _note(self) -> Any:
        with self._changed:
            yield
            self._changed.notify_all()


def fulfil(schema: Mapping[str, Any], seed: int = 0) -> Any:
    """Return a value that fulfils a JSON schema as pydantic writes them."""
    chance, definitions = random.Random(seed), schema.get("$defs", {})

    def value(part: Mapping[str, Any], name: str) -> Any:
        if "$ref" in part:
            return value(definitions[part["$ref"].rsplit("/", 1)[-1]], name)
        if "const" in part:
            return part["const"]
        if "enum" in part:
            return part["enum"][0]
        if "anyOf" in part:
            return value(part["anyOf"][0], name)
        match part.get("type"):
            case "object":
                fields = part.get("properties", {})
                return {key: value(inner, key) for key, inner in fields.items()}
            case "array":
                count = max(part.get("minItems", 0), min(2, part.get("maxItems", 2)))
                return [value(part["items"], f"{name}{n}") for n in range(count)]
            case "integer":
                return part.get("minimum", 1)
            case "number":
                return round(chance.uniform(part.get("minimum", 0), part.get("maximum", 1)), 2)
            case "boolean":
                return True
            case "null":
                return None
        text = f"#{name}" if "#" in part.get("pattern", "") else f"a {name.replace('_', ' ')}"
        text = text.ljust(part.get("minLength", 0), "x")
        return text[: part.get("maxLength", len(text))]

    return value(schema, "answer")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or () if isinstance(part, dict))
