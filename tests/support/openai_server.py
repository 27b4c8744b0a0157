"""A server that speaks OpenAI's protocol on loopback, counts what it is asked, and misbehaves.

    with OpenAIServer(labels={"technical": "technical soundness"}) as server:
        server.script("technical", Status(429, {"Retry-After": "0"}), Hang())
        ...                                # OPENAI_BASE_URL=server.url
        assert server.counts["technical"] == 3

A request's label is the first whose text stands in its messages, `other` if none does. Faults of a
label are used up one per request; then those of `*`, then what the seed draws; then it answers.
Structured output gets a value that fulfils the schema that was sent.

It is also a program of its own, which prints its port and serves until it is stopped:

    python -m support.openai_server --journal FILE --latency SECONDS --label technical='soundness'
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import threading
import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

Answer = str | dict[str, Any]


@dataclass(frozen=True)
class Ok:
    """Answer; `latency` (seconds) replaces the server's own."""

    latency: float | None = None


@dataclass(frozen=True)
class Status:
    """Answer with an HTTP error, in OpenAI's form unless `body` gives another."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "told to fail"
    body: Any = None


@dataclass(frozen=True)
class Hang:
    """Never answer; ends when the client goes away or the server stops."""


@dataclass(frozen=True)
class Text:
    """Answer 200 with this content, whatever was asked for: not JSON, or not of the schema."""

    content: str


@dataclass(frozen=True)
class Garbage:
    """Answer 200 with a body that is not JSON."""

    body: str = "<html>not an API</html>"


@dataclass(frozen=True)
class Cut:
    """Break the connection after that many pieces of the answer, half way unless told."""

    after: int | None = None


@dataclass(frozen=True)
class Delay:
    """Wait some seconds more, then do the next thing."""

    seconds: float
    then: Ok | Status | Hang | Text | Garbage | Cut = field(default_factory=Ok)


Fault = Ok | Status | Hang | Text | Garbage | Cut | Delay


@dataclass(frozen=True)
class Seeded:
    """Faults drawn from a seed: `Seeded(7, [(Status(500), 0.1), (Hang(), 0.02)])`.

    Each rate is a share of the requests, 0 to 1. What befalls a request depends on the seed, on
    its messages and on how often they were asked before, so it is the same whatever else runs.
    """

    seed: int
    rates: Sequence[tuple[Fault, float]]

    def draw(self, asked: Asked, times: int) -> Fault:
        """Return what befalls these messages when they are asked for that time, 1 the first."""
        chance = random.Random(f"{self.seed}:{times}:{asked.messages}").random()
        for fault, rate in self.rates:
            if chance < rate:
                return fault
            chance -= rate
        return Ok()


@dataclass
class Asked:
    """One request as the server saw it; times are seconds since the epoch."""

    label: str
    body: dict[str, Any]
    at: float
    headers: dict[str, str]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    outcome: str = "open"
    """open, answered, failed, or gone (the client went away)."""
    until: float | None = None

    @cached_property
    def text(self) -> str:
        """Return all that the messages say."""
        return " ".join(_text(message.get("content")) for message in self.body["messages"])

    @property
    def messages(self) -> str:
        """Return the messages as JSON."""
        return json.dumps(self.body["messages"])


class OpenAIServer:
    """Runs in a thread of its own; everything here may be called from any thread.

    `labels` maps a label to the text that tells it. `answers` maps a label, or the title of the
    schema that was sent, to what is answered (a dict as JSON), or is called for it; None leaves
    it to the server. `latency` is in seconds. `faults` befall requests that no script names.
    `journal` is a file for `read_journal`.

    `labels`, `answers`, `latency` and `faults` may be set anew while it serves. `asked` has every
    request in order of arrival, `open` those that wait now, `peak` the most that ever did. What an
    `answers` function raised is raised again when the server stops.
    """

    def __init__(
        self,
        labels: Mapping[str, str] | None = None,
        answers: Mapping[str, Answer] | Callable[[Asked], Answer | None] | None = None,
        latency: float = 0.0,
        *,
        faults: Seeded | None = None,
        journal: Path | None = None,
    ) -> None:
        self.labels = dict(labels or {})
        self.answers = answers or {}
        self.latency = latency
        self.repeats_role = False
        """Whether every chunk of a stream has the role, as with Ollama, or only the first."""
        self.faults = faults
        self.journal = journal
        self.asked: list[Asked] = []
        self.open = self.peak = 0
        self._port = 0
        self._scripts: dict[str, deque[Fault]] = defaultdict(deque)
        self._times: Counter[str] = Counter()
        self._held: dict[str, asyncio.Event] = {}
        self._changed = threading.Condition()
        self._broken: Exception | None = None

    @property
    def port(self) -> int:
        """Return the port, a free one found when the server started."""
        return self._port

    @property
    def url(self) -> str:
        """Return what OPENAI_BASE_URL is set to."""
        return f"http://127.0.0.1:{self.port}/v1"

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
        """Keep the requests of these labels (`*`: all) waiting until they are released."""
        for label in labels:
            self._held.setdefault(label, asyncio.Event())

    def release(self, *labels: str) -> None:
        """Answer what is held; without labels, everything."""
        for label in labels or tuple(self._held):
            event = self._held.pop(label, None)
            if event is not None:
                self._loop.call_soon_threadsafe(event.set)

    def wait_for(
        self, label: str, count: int = 1, *, outcome: str | None = None, timeout: float = 30
    ) -> None:
        """Block until `count` requests of a label have arrived, or ended in an outcome.

        Raises AssertionError, which says what was seen, after `timeout` seconds.
        """

        def there() -> bool:
            found = self.outcomes(label)
            return len([o for o in found if outcome in (None, o)]) >= count

        with self._changed:
            if not self._changed.wait_for(there, timeout):
                seen = self.outcomes(label)
                raise AssertionError(
                    f"{label}: waited for {count}; saw {seen}, and in all {dict(self.counts)}"
                )

    def wait_until_open(self, count: int, timeout: float = 30) -> None:
        """Block until exactly `count` requests are open."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.open == count, timeout):
                raise AssertionError(f"waited for {count} open requests; {self.open} are")

    def wait_until_idle(self) -> None:
        """Block until no request is open."""
        self.wait_until_open(0)

    def __enter__(self) -> OpenAIServer:
        routes = [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/models", self._models),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            host="127.0.0.1",
            port=0,
            log_level="critical",
            log_config=None,  # uvicorn's own would be set up anew by every server that starts
            lifespan="off",
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
        assert started.wait(30), "the server did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        if self._broken is not None and kind is None:
            raise self._broken

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "test", "object": "model"}]})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        asked = Asked("other", body, time.time(), dict(request.headers))
        asked.label = next((n for n, part in self.labels.items() if part in asked.text), "other")
        self._begin(asked)
        serving = asyncio.ensure_future(self._respond(asked))
        leaving = asyncio.ensure_future(self._gone(request))
        try:
            await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                self._end(asked, "gone")
                return PlainTextResponse("gone", 499)
            return serving.result()
        except asyncio.CancelledError:
            self._end(asked, "gone")  # the server stops
            raise
        except Exception as error:
            self._broken = self._broken or error
            self._end(asked, "failed")
            raise
        finally:
            serving.cancel()
            leaving.cancel()

    async def _gone(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    async def _respond(self, asked: Asked) -> Response:
        fault = self._fault(asked)
        if (held := self._held.get(asked.label) or self._held.get("*")) is not None:
            await held.wait()
        if isinstance(fault, Delay):
            await asyncio.sleep(fault.seconds)
            fault = fault.then
        own = fault.latency if isinstance(fault, Ok) else None
        await asyncio.sleep(self.latency if own is None else own)
        match fault:
            case Hang():
                await asyncio.Event().wait()
            case Status(code, headers):
                self._end(asked, "failed")
                return JSONResponse(_error(fault), code, headers=dict(headers))
            case Garbage(content):
                self._end(asked, "failed")
                return Response(content, media_type="application/json")
            case Text(content):
                return self._answer(asked, content)
            case Cut():
                return self._answer(asked, self._content(asked), fault)
        return self._answer(asked, self._content(asked))

    def _fault(self, asked: Asked) -> Fault:
        for script in (self._scripts[asked.label], self._scripts["*"]):
            if script:
                return script.popleft()
        if self.faults is None:
            return Ok()
        self._times[asked.messages] += 1
        return self.faults.draw(asked, self._times[asked.messages])

    def _content(self, asked: Asked) -> str:
        wanted = (asked.body.get("response_format") or {}).get("json_schema") or {}
        if callable(self.answers):
            given = self.answers(asked)
        else:
            given = self.answers.get(asked.label, self.answers.get(wanted.get("name", "")))
        if given is None and wanted:
            given = fulfil(wanted["schema"])
        elif given is None:
            given = f"An answer for {asked.label} to: {asked.text[-200:]}"
        return given if isinstance(given, str) else json.dumps(given)

    def _answer(self, asked: Asked, content: str, cut: Cut | None = None) -> Response:
        usage = {"prompt_tokens": len(asked.text) // 4, "completion_tokens": len(content) // 4}
        usage["total_tokens"] = sum(usage.values())
        head = {"id": f"chatcmpl-{asked.id}", "created": int(asked.at)}
        head["model"] = asked.body["model"]
        if asked.body.get("stream") or cut is not None:
            chunks = self._stream(asked, head, content, usage, cut)
            # Who leaves before the first piece leaves a generator that never ran.
            leaving = BackgroundTask(self._end, asked, "gone")
            return StreamingResponse(chunks, media_type="text/event-stream", background=leaving)
        message = {"role": "assistant", "content": content, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        self._end(asked, "answered")
        return JSONResponse(
            {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        )

    async def _stream(
        self, asked: Asked, head: dict[str, Any], content: str, usage: Any, cut: Cut | None
    ) -> AsyncIterator[str]:
        head = {**head, "object": "chat.completion.chunk"}
        size = max(1, len(content) // 8)
        parts = [content[at : at + size] for at in range(0, len(content), size)]
        whole = len(parts)
        if cut is not None:
            parts = parts[: whole // 2 if cut.after is None else cut.after]
        try:
            for number, part in enumerate(parts):
                delta = {"content": part}
                if number == 0 or self.repeats_role:
                    delta["role"] = "assistant"
                choice = {"index": 0, "delta": delta, "finish_reason": None}
                yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
                await asyncio.sleep(0)
            if cut is not None:
                self._end(asked, "failed")
                raise ConnectionError("told to cut the stream")
            choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
            yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
            if (asked.body.get("stream_options") or {}).get("include_usage"):
                yield f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n"
            self._end(asked, "answered")  # before the client can see that it has all
            yield "data: [DONE]\n\n"
        finally:
            self._end(asked, "gone")

    def _begin(self, asked: Asked) -> None:
        with self._changed:
            self.asked.append(asked)
            self.open += 1
            self.peak = max(self.peak, self.open)
            self._write(
                id=asked.id,
                label=asked.label,
                at=asked.at,
                model=asked.body["model"],
                stream=bool(asked.body.get("stream")),
                messages=asked.body["messages"],
            )
            self._changed.notify_all()

    def _end(self, asked: Asked, outcome: str) -> None:
        """Note how a request ended; only the first to say so counts."""
        with self._changed:
            if asked.until is None:
                asked.outcome, asked.until = outcome, time.time()
                self.open -= 1
                self._write(id=asked.id, until=asked.until, outcome=outcome)
                self._changed.notify_all()

    def _write(self, **line: Any) -> None:
        if self.journal is not None:
            with self.journal.open("a") as file:
                file.write(json.dumps(line) + "\n")


def read_journal(file: Path) -> list[dict[str, Any]]:
    """Read what a server wrote down, one dict per request in order of arrival.

    Keys: id, label, model, stream, messages, at, until (None while open), outcome (as in Asked).
    """
    entries: dict[str, dict[str, Any]] = {}
    for line in file.read_text().splitlines(keepends=True):
        if line.endswith("\n"):  # a killed server may leave half a line
            noted = json.loads(line)
            entry = entries.setdefault(noted["id"], {"until": None, "outcome": "open"})
            entry.update(noted)
    return list(entries.values())


def _error(told: Status) -> Any:
    """Return the body that OpenAI sends with an error."""
    kinds = {
        401: ("invalid_request_error", "invalid_api_key"),
        429: ("requests", "rate_limit_exceeded"),
    }
    default = ("server_error" if told.code >= 500 else "invalid_request_error", None)
    kind, code = kinds.get(told.code, default)
    error = {"message": told.message, "type": kind, "param": None, "code": code}
    return {"error": error} if told.body is None else told.body


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
                return [value(part.get("items", {}), f"{name}{n}") for n in range(count)]
            case "integer":
                lowest = part.get("minimum", part.get("exclusiveMinimum", 0) + 1)
                return min(lowest, part.get("maximum", lowest))
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


def main() -> None:
    """Serve until SIGINT or SIGTERM; the first line printed is the port."""
    options = argparse.ArgumentParser(prog="support.openai_server")
    options.add_argument("--journal", type=Path)
    options.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    options.add_argument("--label", action="append", default=[], metavar="NAME=TEXT")
    chosen = options.parse_args()
    labels = dict(label.split("=", 1) for label in chosen.label)
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # so that sigwait receives them
    with OpenAIServer(labels, latency=chosen.latency, journal=chosen.journal) as server:
        print(server.port, flush=True)
        signal.sigwait(stops)


if __name__ == "__main__":
    main()
