"""A web server on loopback that answers as it is told, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Reply:
    """What to answer: JSON for anything that is neither text nor bytes."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """A GET as it arrived."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


Answer = Reply | list[Reply] | Callable[[Request], Reply]


class Web:
    """Answers each path as `answers` says; a list is used up, its last reply stays."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[Request] = []

    @property
    def url(self) -> str:
        """Return the address that paths are added to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in order."""
        return [request.path for request in self.asked]

    def __enter__(self) -> Web:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web._answer(self)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        request = Request(parts.path, dict(parse_qsl(parts.query)), dict(handler.headers))
        self.asked.append(request)
        answer = self.answers.get(parts.path, Reply("no such path", 404))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        reply = answer(request) if callable(answer) else answer
        body = reply.body
        raw = body if isinstance(body, bytes) else _text(body).encode()
        handler.send_response(reply.status)
        for name, value in {"Content-Length": str(len(raw)), **reply.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(raw)


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)
