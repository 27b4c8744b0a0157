"""Whoever can write to the database cannot run programs through it, whatever is set."""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import ormsgpack
import psycopg
import pytest
from langgraph.checkpoint.serde.jsonplus import EXT_CONSTRUCTOR_SINGLE_ARG, JsonPlusSerializer
from support.checkpoints import at, put
from support.cli import Cli

from state import UnusableDatabase, open_checkpointer

LOADS = """
import sys
from pathlib import Path
from state.serde import serializer

for kind in sys.argv[1:]:
    try:
        serializer().loads_typed((kind, Path(kind).read_bytes()))
    except NotImplementedError:
        assert kind == "pickle"
"""


class Harm:
    """Something whose unpickling makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return open, (str(self.file), "w")


def pickled(harm: Path) -> bytes:
    return pickle.dumps(Harm(harm))


def msgpacked(harm: Path) -> bytes:
    """A value that names a function to be called: `os.mkdir`."""
    call = ormsgpack.packb(("os", "mkdir", str(harm)))
    return ormsgpack.packb({"x": ormsgpack.Ext(EXT_CONSTRUCTOR_SINGLE_ARG, call)})


def as_json(harm: Path) -> bytes:
    call = {"lc": 2, "type": "constructor", "id": ["os", "mkdir"], "args": [str(harm)]}
    return json.dumps({"x": call}).encode()


KINDS: dict[str, Callable[[Path], bytes]] = {
    "pickle": pickled,
    "msgpack": msgpacked,
    "json": as_json,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_do_harm_to_who_trusts_them(kind: str, tmp_path: Path) -> None:
    trusting = JsonPlusSerializer(
        pickle_fallback=True, allowed_json_modules=True, allowed_msgpack_modules=True
    )
    trusting.loads_typed((kind, KINDS[kind](tmp_path / "harm")))
    assert (tmp_path / "harm").exists()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_kept_bytes_name_is_not_called(database: str, tmp_path: Path, kind: str) -> None:
    async with open_checkpointer(database) as saver:
        where = await put(saver, "thread", {"list": [1]})
        await saver.aput_writes(where, [("channel", [2])], "task")
    harm = tmp_path / "harm"
    tamper(database, kind, KINDS[kind](harm))
    async with open_checkpointer(database) as saver:
        reading = saver.aget_tuple(at("thread"))
        if kind == "pickle":
            with pytest.raises(UnusableDatabase, match=r"cannot be read .*type: pickle\)"):
                await reading
        else:
            with suppress(Exception):  # what is left may be no checkpoint
                await reading
    assert not harm.exists()


def test_no_setting_makes_the_serializer_trusting(braid: Cli, tmp_path: Path) -> None:
    for kind, make in KINDS.items():
        (tmp_path / kind).write_bytes(make(tmp_path / "harm"))
    told = braid.python("-c", LOADS, *KINDS, env={"LANGGRAPH_STRICT_MSGPACK": "false"})
    assert told.status == 0, told.err
    assert not (tmp_path / "harm").exists()


def tamper(database: str, kind: str, payload: bytes) -> None:
    """Put the bytes in the place of all that the database keeps."""
    if database.startswith("postgresql"):
        with psycopg.connect(database) as server:
            for table in (b"checkpoint_blobs", b"checkpoint_writes"):
                sql = b"UPDATE " + table + b" SET type = %s, blob = %s"
                assert server.execute(sql, (kind, payload)).rowcount
        return
    with sqlite3.connect(database) as file:
        for sql in (
            "UPDATE checkpoints SET type = ?, checkpoint = ?",
            "UPDATE writes SET type = ?, value = ?",
        ):
            assert file.execute(sql, (kind, payload)).rowcount
