"""Who may do what on the server: `"auth"` and `"http"` in langgraph.json.

Without BRAID_TOKEN the server is one developer's: it serves this machine only, and of the web
pages in its browser only Studio and what this machine serves. With BRAID_TOKEN every request needs
a bearer token, and each user has threads of their own. docs/security.md says what that protects.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from langgraph_sdk import Auth
from langgraph_sdk.auth.types import AuthContext
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from state import open_checkpointer

OWNER = "owner"
"""The user of a bare token, and of a server without tokens; also the key that names a user in the
metadata of threads, runs and checkpoints."""
STUDIO = "https://smith.langchain.com"
DEVELOPERS = ("/internal", "/deploy")
SHORTEST_TOKEN = 8
"""Characters."""

_PAIR = re.compile(r"(?:(?P<name>[\w.@-]+):)?(?P<token>[!-+\--9;-~]+)", re.ASCII)
"""A token is printable ASCII without spaces, commas and colons."""

Refused = Auth.exceptions.HTTPException
auth = Auth()


def read_users(setting: str) -> Mapping[str, str]:
    """Return each user's token; `ada:secret-1,bob:secret-2`, or one bare token of `owner`.

    Raises ValueError with a sentence that does not repeat the setting.
    """
    users: dict[str, str] = {}
    for number, pair in enumerate(setting.split(","), start=1):
        found = _PAIR.fullmatch(pair.strip())
        if found is None or len(found["token"]) < SHORTEST_TOKEN:
            raise ValueError(
                f"BRAID_TOKEN: its part {number} is neither a token nor name:token; a token has at "
                f"least {SHORTEST_TOKEN} characters, and no spaces, commas or colons."
            )
        name = found["name"] or OWNER
        if name in users or found["token"] in users.values():
            raise ValueError(f"BRAID_TOKEN: its part {number} repeats a name or a token.")
        users[name] = found["token"]
    return users


def _users() -> Mapping[str, str]:
    setting = os.environ.get("BRAID_TOKEN", "").strip()
    try:
        return read_users(setting) if setting else {}
    except ValueError as error:
        # A server that cannot tell its users apart must not start.
        raise SystemExit(f"braid: {error}") from None


USERS = _users()


def admit(scope: Mapping[str, Any]) -> str:
    """Return the user who sent a request (an ASGI scope); raise Refused."""
    headers = Headers(scope=scope)  # type: ignore[arg-type]
    if not USERS:
        _check_neighbour(scope.get("client"), headers)
        return OWNER
    scheme, _, token = headers.get("authorization", "").partition(" ")
    # All are compared, and each in constant time: how long it takes tells nothing.
    known = [
        name
        for name, own in USERS.items()
        if hmac.compare_digest(own.encode(), token.strip().encode())
    ]
    if scheme.lower() != "bearer" or not known:
        raise Refused(401, "Send one of the server's tokens: `Authorization: Bearer <token>`.")
    return known[0]


def _check_neighbour(client: tuple[str, int] | None, headers: Headers) -> None:
    """Refuse who is not this machine, or is a foreign web page in its browser."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if client is not None and not _is_loopback(client[0]):
        raise Refused(403, "Without BRAID_TOKEN this server serves its own machine only.")
    # A name that was made to point here is how a page gets around the browser's rules.
    if not _is_loopback(_host_of(f"//{host}")):
        raise Refused(403, "Without BRAID_TOKEN this server is 127.0.0.1 or localhost only.")
    if origin not in (None, STUDIO) and not _is_loopback(_host_of(origin)):
        raise Refused(403, "Without BRAID_TOKEN this server serves no foreign web pages.")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


class Gate:
    """Guards the routes that the server leaves open, such as /docs; `/ok` is for health checks.

    Closed to all users is what belongs to the developer alone: under /internal the server shows
    and deletes anybody's threads, under /deploy it uploads the project.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401 or 403."""
        # What the server asks itself carries this mark; no client can set it.
        inner = scope.get("root_path", "").startswith("/noauth")
        if not inner and scope["path"] != "/ok":
            try:
                admit(scope)
                if USERS and scope["path"].startswith(DEVELOPERS):
                    raise Refused(404, "Not Found")
            except Refused as refused:
                answer: ASGIApp = JSONResponse({"detail": refused.detail}, refused.status_code)
                if scope["type"] == "websocket":
                    answer = WebSocketClose(reason=refused.detail)
                return await answer(scope, receive, send)
        return await self.app(scope, receive, send)


app = Starlette(middleware=[Middleware(Gate)])


@auth.authenticate
async def authenticate(scope: dict[str, Any]) -> str:
    """Name the user, for the rules below."""
    return admit(scope)


@auth.on
async def refuse_the_rest(ctx: AuthContext, value: Any) -> bool:
    """Refuse whatever has no rule below, such as scheduled runs: they would run as nobody."""
    return not USERS


@auth.on.threads
async def own_threads(ctx: AuthContext, value: dict[str, Any]) -> Auth.types.FilterType | None:
    """Write the user's name on what they make, and show them nothing else."""
    user = ctx.user.identity
    makes = ctx.action in ("create", "create_run")
    if makes or (USERS and ctx.action == "update" and "metadata" in value):
        if value.get("metadata") is None:
            value["metadata"] = {}
        value["metadata"][OWNER] = user  # in place: the server goes on with its own dict
    if not USERS:
        return None
    if makes and value.get("thread_id") is not None:
        await _check_kept(str(value["thread_id"]), user)
    return {OWNER: user}


@auth.on.assistants
async def served_workflows(
    ctx: AuthContext, value: dict[str, Any]
) -> Auth.types.FilterType | bool | None:
    """Show the workflows that langgraph.json names; let nobody change them, or add others."""
    if not USERS:
        return None
    return {"created_by": "system"} if ctx.action in ("read", "search") else False


@auth.on.store
async def own_namespace(ctx: AuthContext, value: dict[str, Any]) -> bool:
    """Keep each user's items under their own name."""
    return not USERS or tuple(value.get("namespace") or ())[:1] == (ctx.user.identity,)


async def _check_kept(thread_id: str, user: str) -> None:
    """Refuse a thread whose checkpoints are another's.

    A server that was killed may have lost its list of threads, which says whose they are, but not
    the database: whoever knew the id of a thread could make it anew and read what was kept.
    """
    where = {"configurable": {"thread_id": thread_id}}
    async with open_checkpointer() as saver:
        async for _ in saver.alist(where, filter={OWNER: user}, limit=1):  # type: ignore[arg-type]
            return
        async for _ in saver.alist(where, limit=1):  # type: ignore[arg-type]
            raise Refused(404, f"Thread with ID {thread_id} not found")
