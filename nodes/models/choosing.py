"""Choose the chat model of a run, and keep its connections."""

from __future__ import annotations

import asyncio
import math
import os
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import openai
    from langchain_core.language_models import BaseChatModel
    from langgraph.runtime import Runtime

    from state import Context

OFFLINE = "offline"
DEFAULT_MODEL = "gpt-5.4-nano"
DEFAULT_LATENCY = 0.6
"""Seconds that the offline model takes for an answer."""
NO_KEY = "none"
"""Sent where a server wants no key: the client insists on having one."""


def model_name(runtime: Runtime[Context] | None = None) -> str:
    """Name the model that `chat` gives: the context's, else BRAID_MODEL's, else gpt-5.4-nano.

    "offline" when the context says so, and always when neither OPENAI_API_KEY nor
    OPENAI_BASE_URL is set. The environment is read at each call.
    """
    if not (_setting("OPENAI_API_KEY") or _setting("OPENAI_BASE_URL")):
        return OFFLINE
    return _preferred(runtime)


def chat(runtime: Runtime[Context] | None = None, **settings: Any) -> BaseChatModel:
    """Give the chat model of this run; never fails for the lack of a key.

    Settings are ChatOpenAI's own: `temperature`, `model`, `base_url`, `api_key` and the like.
    A `model` or `base_url` among them goes before the environment's, except that a context of
    "offline" keeps the whole run offline. OPENAI_API_KEY is sent to the environment's own
    endpoint only: another `base_url` needs its own `api_key`.

    Within one event loop equal settings give the same model, and all models share one pool of
    connections. Retries and time-outs are the branch's: the client makes one attempt.
    """
    model, endpoint, key = (settings.pop(name, None) for name in ("model", "base_url", "api_key"))
    name = model or _preferred(runtime)
    reachable = endpoint or key or model_name(runtime) != OFFLINE
    if OFFLINE in (name, _preferred(runtime)) or not reachable:
        from nodes.models.offline import OfflineModel

        return OfflineModel(
            latency=_offline_latency(), temperature=settings.get("temperature"), asked_as=model
        )
    if endpoint is None:
        endpoint = _own_endpoint()
        key = key or _own_key()
    connections = _connections()
    wanted = (name, endpoint, key, repr(sorted(settings.items())))
    if wanted not in connections.models:
        connections.models[wanted] = _connect(
            connections.pool, name, endpoint, key or NO_KEY, settings
        )
    return connections.models[wanted]


@dataclass(frozen=True)
class _Connections:
    pool: openai.DefaultAsyncHttpxClient
    models: dict[tuple[str | None, ...], BaseChatModel] = field(default_factory=dict)


_open: dict[asyncio.AbstractEventLoop, _Connections] = {}


def _connections() -> _Connections:
    """Give the running event loop's own connections, made when they are first asked for.

    A connection belongs to the loop that opened it. langchain-openai shares one pool among all
    clients of a process, so the second `asyncio.run` of a process finds connections of a loop
    that is gone and fails with "Event loop is closed".
    """
    import openai

    # The guard's clock decides how long is too long; this one only ends what nobody guards.
    timeout = openai.Timeout(600.0, connect=10.0)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _Connections(openai.DefaultAsyncHttpxClient(timeout=timeout))
    if loop not in _open:
        for closed in [each for each in list(_open) if each.is_closed()]:
            _open.pop(closed, None)
        _open[loop] = _Connections(openai.DefaultAsyncHttpxClient(timeout=timeout))
    return _open[loop]


@cache
def _blocking_pool() -> openai.DefaultHttpxClient:
    """Give the connections of callers without an event loop (`.invoke`), shared by all models."""
    import openai

    return openai.DefaultHttpxClient(timeout=openai.Timeout(600.0, connect=10.0))


def _connect(
    pool: openai.DefaultAsyncHttpxClient,
    name: str,
    endpoint: str | None,
    key: str,
    settings: dict[str, Any],
) -> BaseChatModel:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    given: dict[str, Any] = {
        "model": name,
        "base_url": endpoint,
        "api_key": SecretStr(key),
        "http_async_client": pool,
        "http_client": _blocking_pool(),
        "timeout": pool.timeout,
        "max_retries": 0,
        "stream_usage": True,
        "stream_chunk_timeout": None,
        # A cache would make every voter say the same, and a resume never asks twice anyway.
        "cache": False,
        **settings,
    }
    return ChatOpenAI(**given)


def _preferred(runtime: Runtime[Context] | None) -> str:
    context = getattr(runtime, "context", None)
    return getattr(context, "model", None) or _setting("BRAID_MODEL") or DEFAULT_MODEL


def _offline_latency() -> float:
    text = _setting("BRAID_OFFLINE_LATENCY")
    try:
        seconds = DEFAULT_LATENCY if text is None else float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(
            f"BRAID_OFFLINE_LATENCY is {text!r}; give the seconds that an answer of the offline"
            f" model takes, for example {DEFAULT_LATENCY}, or 0."
        )
    return seconds


def _own_endpoint() -> str | None:
    """Return OPENAI_BASE_URL; raise ValueError for what no request could be sent to."""
    address = _setting("OPENAI_BASE_URL")
    try:
        parts = urlsplit(address or "https://api.openai.com")
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # the port, or the brackets of an IPv6 address
        usable = False
    if not usable or any(char.isspace() for char in address or ""):
        raise ValueError(  # without repeating it: there may be a password in it
            "OPENAI_BASE_URL is no address of a server; give one such as http://127.0.0.1:8000/v1."
        )
    return address


def _own_key() -> str | None:
    """Return OPENAI_API_KEY; raise ValueError for what no header can carry."""
    key = _setting("OPENAI_API_KEY")
    if key and not (key.isascii() and key.isprintable()):
        raise ValueError("OPENAI_API_KEY has characters that no key has; copy it anew.")
    return key


def _setting(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None
