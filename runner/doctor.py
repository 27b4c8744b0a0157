"""`braid doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from graphs.guard import readable
from nodes.models import model_name
from runner import catalogue
from runner.errors import DONE, FAILED, BadInput, Trouble
from runner.settings import Settings, read_settings
from runner.tell import terminal
from runner.words import ASCII_MARKS, MARKS, count, plain, some
from state import UnusableDatabase, database_size, list_threads, open_checkpointer
from state.redaction import redacted

PATIENCE = 5.0
"""Seconds to wait for the endpoint."""
BIG = 1_000_000_000
"""Bytes of a database from which on forgetting old threads is worth a hint."""
SERVER_PORT = 2024
"""Where `langgraph dev` listens unless told otherwise."""
PACKAGES = ("langgraph", "langchain-openai", "langgraph-checkpoint-sqlite")
STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    state: Literal["ok", "warn", "fail"]
    """`fail` only for what is set up but does not work."""
    told: str


def examine() -> int:
    """Print what every check finds, and return the exit status."""
    console = terminal()
    marks = ASCII_MARKS if console.options.ascii_only else MARKS
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    worst = DONE
    for name, finding in _findings():
        mark = {"ok": marks["ok"], "warn": "!", "fail": marks["failed"]}[finding.state]
        table.add_row(Text(mark, STYLES[finding.state]), name, Text(redacted(finding.told)))
        if finding.state == "fail":
            worst = FAILED
    console.print(table)
    return worst


def _findings() -> Iterator[tuple[str, Finding]]:
    yield "Python", _python()
    yield "packages", _packages()
    yield "workflows", _workflows()
    yield "settings", _settings_file()
    yield "model", _model()
    if model_name() != "offline":
        yield "endpoint", _endpoint()
    yield "database", _database()
    yield "dev server", _server()


def _python() -> Finding:
    return Finding("ok", f"{platform.python_version()} in {sys.prefix}")


def _packages() -> Finding:
    found = {name: _version(name) for name in PACKAGES}
    if missing := [name for name, number in found.items() if number is None]:
        return Finding("fail", f"{', '.join(missing)} cannot be found; run `make install`.")
    return Finding("ok", ", ".join(f"{name} {number}" for name, number in found.items()))


def _workflows() -> Finding:
    try:
        names = [entry.name for entry in catalogue.entries()]
        for name in names:
            catalogue.load(name)
    except Trouble as error:
        return Finding("fail", str(error))
    return Finding("ok", f"{count(len(names), 'workflow')} can be used")


def _settings_file() -> Finding:
    if Path(".env").is_file():
        return Finding("ok", f"{Path('.env').resolve()}; what the environment says goes before it")
    return Finding("ok", "from the environment; there is no .env here (.env.example shows them)")


def _model() -> Finding:
    name = model_name()
    if name == "offline":
        return Finding(
            "warn",
            "offline: the built-in model answers by rules, without a key. Set OPENAI_API_KEY, or "
            "OPENAI_BASE_URL for any server that speaks OpenAI's protocol.",
        )
    key = "set" if os.environ.get("OPENAI_API_KEY", "").strip() else "not set"
    return Finding("ok", f"{name} (BRAID_MODEL chooses another); OPENAI_API_KEY is {key}")


def _endpoint() -> Finding:
    """Ask the endpoint which models it has; that costs nothing."""
    import openai

    base = os.environ.get("OPENAI_BASE_URL", "").strip() or "https://api.openai.com/v1"
    key = os.environ.get("OPENAI_API_KEY", "").strip() or "none"
    where = urlsplit(base)._replace(query="").geturl()
    try:
        client = openai.OpenAI(base_url=base, api_key=key, timeout=PATIENCE, max_retries=0)
        models = [model.id for model in client.models.list()]
    except openai.AuthenticationError:
        return Finding("fail", f"{where} refuses the key; check OPENAI_API_KEY.")
    except openai.NotFoundError:
        return Finding("warn", f"{where} answers, but lists no models; is its path right?")
    except openai.APITimeoutError:
        return Finding("fail", f"{where} did not answer within {PATIENCE:g} s; is it overloaded?")
    except openai.APIConnectionError:
        return Finding("fail", f"Nothing answers at {where}; is the server running?")
    except Exception as error:
        return Finding("fail", f"{where} cannot be used: {plain(readable(error))}")
    if models and model_name() not in models:
        return Finding(
            "warn",
            f"{where} answers, but does not list {model_name()}; it has {some(models)}. "
            "Set BRAID_MODEL.",
        )
    return Finding("ok", f"{where} answers")


def _database() -> Finding:
    try:
        settings = read_settings()
        if settings.nothing_kept:
            return _new_database(Path(settings.database))
        return asyncio.run(_open_database(settings))
    except (BadInput, UnusableDatabase) as error:
        return Finding("fail", str(error))


def _new_database(path: Path) -> Finding:
    if os.access(path.absolute().parent, os.W_OK):
        return Finding("ok", f"{path} will be made by the first run (BRAID_DB names another)")
    return Finding("fail", f"{path} cannot be made: its folder is missing or may not be written.")


async def _open_database(settings: Settings) -> Finding:
    async with open_checkpointer(settings.database) as saver:
        threads = len(await list_threads(saver))
    size = await database_size(settings.database)
    told = f"{settings.where}, {decimal(size)}, {count(threads, 'thread')}"
    if size > BIG and threads:
        return Finding("warn", f"{told}; `braid forget --older-than 30d` makes room.")
    return Finding("ok", told)


def _server() -> Finding:
    number = _version("langgraph-api")
    if number is None:
        return Finding("warn", "`langgraph dev` is not installed; `make install` adds it.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", SERVER_PORT))
        except OSError:
            return Finding(
                "warn",
                f"port {SERVER_PORT} is taken, perhaps by a server that already runs; "
                "`langgraph dev --port` takes another.",
            )
    return Finding("ok", f"langgraph-api {number}; `make dev` serves on port {SERVER_PORT}")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
