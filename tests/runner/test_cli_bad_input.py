"""Bad input gets one sentence and exit status 2, and nothing has been started or stored."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from support.cli import Cli
from support.here import Here


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("run document_reviw", "did you mean 'document_review'?"),
        ("show nothing_like_it", "`braid list` shows all"),
        ("compare creative_tri", "did you mean 'creative_trio'?"),
        ("run", "Missing argument 'NAME'"),
        ("rnu", "No such command 'rnu'"),
        ("run creative_trio --jsn", "No such option: --jsn"),
        ("run creative_trio topic", "not of the form key=value"),
        ("run creative_trio topc=x", "did you mean 'topic'?"),
        ("run creative_trio topic=", "'topic' is wrong"),
        ("run creative_trio topic=@nowhere.txt", "there is no such file"),
        ("run creative_trio topic=@.", "is a folder or a device"),
        ("run creative_trio topic=@binary", "is not UTF-8 text"),
        ("run creative_trio --input {", "is not valid JSON"),
        ("run creative_trio --input {}", "'topic' is missing"),
        ('run creative_trio --input {"topic":5}', "valid string"),
        ("run creative_trio --input @binary", "is not UTF-8 text"),
        ("run creative_trio --max-parallel 0", "Invalid value for '--max-parallel'"),
        ("run creative_trio --max-parallel 1e3", "Invalid value for '--max-parallel'"),
        ("run creative_trio --thread \n", "printable characters"),
        ("run creative_trio --thread \udcff", "printable characters"),
        (f"run creative_trio --thread {'x' * 201}", "1 to 200"),
        ("run creative_trio topic=@~nobody-of-that-name", "there is no such file"),
        (f"run creative_trio topic=@{'x' * 5_000}", "cannot be read: File name too long"),
        (f"run social_post image={'x' * 5_000}", "cannot be read: File name too long"),
        ("run multi_query_rag question=x folder=nowhere", "There is no folder"),
        ("run \udcff", "There is no workflow"),
        ("run creative_trio --timeline out.png", "neither"),
        ("run creative_trio --timeline nowhere/out.svg", "there is no such folder"),
        (f"run creative_trio --timeline {'x' * 300}.svg", "File name too long"),
        ("run creative_trio --timeline /proc", "neither"),
        ("resume nobody", "There is no thread 'nobody'"),
        ("resume nobody --accept --abort", "exclude each other"),
        ("resume nobody --answer {", "--answer is not valid JSON"),
        ("batch creative_trio nowhere.jsonl --out out.jsonl", "cannot be read"),
        ("batch creative_trio binary --out binary", "need another file"),
        ("batch creative_trio binary --out .", "is not a file"),
        ("batch creative_trio . --out out.jsonl", "cannot be read: Is a directory"),
        ("batch creative_trio binary --out /dev/full", "is not a file"),
        ("batch creative_trio binary --out nowhere/out.jsonl", "There is no folder nowhere"),
        (f"batch creative_trio binary --out {'x' * 300}", "File name too long"),
        (f"batch creative_trio {'x' * 300} --out out.jsonl", "File name too long"),
        ("batch creative_trio binary --out out.jsonl --concurrency 0", "Invalid value"),
        ("batch creative_trio /dev/null --out out.jsonl", "has no line that can be run"),
    ],
)
def test_bad_input_gets_one_sentence(
    here: Here, tmp_path: Path, arguments: str, sentence: str
) -> None:
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    told = here(*arguments.split(" "))
    assert told.status == 2
    assert sentence in told.err
    assert len(told.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["binary"]


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("BRAID_OFFLINE_LATENCY", "soon", "BRAID_OFFLINE_LATENCY is 'soon'"),
        ("BRAID_DB", "mysql://somewhere/else", "name a file"),
        ("BRAID_PRICES", "nowhere.toml", "nowhere.toml cannot be read"),
        ("BRAID_PRICES", "/", "cannot be read: Is a directory"),
        ("BRAID_PRICES", "/proc/self/environ", "are not valid TOML"),
        ("BRAID_SOURCES", "nowhere.toml", "nowhere.toml cannot be read"),
        ("BRAID_SOURCES", "/", "cannot be read: Is a directory"),
        ("BRAID_SOURCES", "/proc/self/environ", "is not valid TOML"),
        ("OPENAI_BASE_URL", "localhost:8000", "OPENAI_BASE_URL is no address of a server"),
        ("OPENAI_API_KEY", "\udcff", "OPENAI_API_KEY has characters that no key has"),
    ],
)
def test_a_setting_that_makes_no_sense_is_bad_input(
    here: Here, tmp_path: Path, setting: str, value: str, sentence: str
) -> None:
    told = here("run", "creative_trio", env={setting: value})
    assert told.status == 2
    assert sentence in told.err
    assert not list(tmp_path.iterdir())


def test_a_misspelt_source_is_bad_input(here: Here, tmp_path: Path) -> None:
    (tmp_path / "sources.toml").write_text('[flihgts]\nfile = "own.csv"\n')
    told = here("run", "travel_plan", env={"BRAID_SOURCES": "sources.toml"})
    assert told.status == 2
    assert told.err == "braid: BRAID_SOURCES: sources.toml, flihgts: did you mean 'flights'?\n"
    assert [path.name for path in tmp_path.iterdir()] == ["sources.toml"]


COMMANDS = [
    "threads",
    "threads --json",
    "resume t",
    "resume t --retry --json",
    "run creative_trio topic=x",
    "run creative_trio topic=x --thread t --json",
    "batch creative_trio in.jsonl --out out.jsonl",
    "forget t",
]
SAVED = ["text", "cut short", "overwritten", "header alone", "foreign", "newer", "directory"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a database with a finished thread."""
    cli = Cli(tmp_path_factory.mktemp("sound"))
    assert cli("run", "creative_trio", "topic=x", "--thread", "t").status == 0
    return (cli.directory / "braid.sqlite").read_bytes()


def spoil(file: Path, sound: bytes, how: str) -> str:
    """Make a file of that kind; return what is said of it."""
    file.write_bytes(sound)
    match how:
        case "text":
            file.write_text("precious")
            return "is not a SQLite database"
        case "cut short":
            os.truncate(file, len(sound) // 2)
            return "is damaged"
        case "overwritten":
            file.write_bytes(sound[:4096] + b"x" * (len(sound) - 4096))
            return "is damaged"
        case "header alone":
            file.write_bytes(sound[:100])
            return "is damaged"
        case "directory":
            file.unlink()
            file.mkdir()
            return "is not a file"
    with closing(sqlite3.connect(file)) as database:
        if how == "newer":
            database.execute("PRAGMA user_version = 99")
            return "was written by a newer version of Braid"
        database.executescript("DROP TABLE writes; DROP TABLE checkpoints; CREATE TABLE x (y)")
        return "is the database of another program"


@pytest.mark.parametrize("how", SAVED)
def test_a_database_that_cannot_be_used_is_left_alone(
    here: Here, tmp_path: Path, sound: bytes, how: str
) -> None:
    (tmp_path / "in.jsonl").write_text('{"topic": "tea"}\n')
    file = tmp_path / "braid.sqlite"
    sentence = spoil(file, sound, how)
    before = file.read_bytes() if file.is_file() else None
    for command in COMMANDS:
        told = here(*command.split(" "))
        assert told.status == 1, command
        assert sentence in told.err
        assert len(told.err.splitlines()) == 1
        assert told.out == ""
        assert (file.read_bytes() if file.is_file() else None) == before
    told = here("doctor")
    assert told.status == 1
    assert sentence in " ".join(told.out.split())
    out = tmp_path / "out.jsonl"
    assert not out.exists() or out.read_bytes() == b""


@pytest.mark.parametrize("place", ["/proc/braid.sqlite", "/sys/braid.sqlite", "/dev/full"])
def test_a_place_where_nothing_can_be_kept_is_told(here: Here, tmp_path: Path, place: str) -> None:
    told = here("run", "creative_trio", "topic=x", env={"BRAID_DB": place})
    assert told.status == 1
    assert place in told.err
    assert len(told.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.argv[1:2] = []
from runner.cli import main
sys.exit(main())
"""
"""Runs `braid` on a disk on which no file can grow beyond so many bytes."""
ALONE = {"PYTHONDONTWRITEBYTECODE": "1", "COVERAGE_PROCESS_CONFIG": ""}
"""Nobody else may write there: Python itself would leave modules' bytecode behind that is cut."""


@pytest.mark.parametrize("room", [1_000, 70_000])
def test_a_disk_that_fills_up_loses_nothing_that_was_kept(braid: Cli, room: int) -> None:
    limited = ["-c", LIMITED, str(room), "run", "document_review", "--thread", "t"]
    told = braid.python(*limited, env=ALONE)
    assert told.status == 1
    assert "cannot be read or written (disk I/O error)" in told.err
    assert "Traceback" not in told.err
    kept = braid("threads", "--json")
    assert kept.status == 0
    again = ["resume", "t"] if kept.json else ["run", "document_review", "--thread", "t"]
    assert braid(*again, "--json").json["status"] == "complete"


def test_results_for_which_there_is_no_room_are_told_and_found_again(braid: Cli) -> None:
    (braid.directory / "in.jsonl").write_text('{"topic": "tea"}\n{"topic": "rain"}\n')
    (braid.directory / "out.jsonl").write_bytes(b"")
    batch = ["batch", "creative_trio", "in.jsonl", "--out", "out.jsonl"]
    assert braid(*batch, "--concurrency", "1").status == 0
    whole = (braid.directory / "out.jsonl").read_bytes()
    (braid.directory / "out.jsonl").unlink()
    room = str(len(whole) - 100)  # more than the database needs: its runs are kept already
    told = braid.python("-c", LIMITED, room, *batch, env=ALONE)
    assert told.status == 1
    assert "File too large" in told.err or "disk I/O error" in told.err
    assert "Traceback" not in told.err
    assert braid(*batch, "--concurrency", "1").status == 0
    assert (braid.directory / "out.jsonl").read_bytes() == whole


@pytest.mark.parametrize(
    ("command", "status", "sentence"),
    [
        ("run creative_trio topic=x --json >/dev/full", 1, "The disk is full"),
        ("run creative_trio topic=x >/dev/full", 1, "The disk is full"),
        ("list >/dev/full", 1, "The disk is full"),
        ("run creative_trio topic=x --json >&-", 0, ""),
        ("run creative_trio topic=x >&-", 0, ""),
        ("run creative_trio topc=x 2>&-", 2, ""),
        ("run creative_trio topic=x --json <&-", 0, ""),
    ],
)
def test_an_output_that_takes_nothing_is_no_traceback(
    braid: Cli, command: str, status: int, sentence: str
) -> None:
    told = subprocess.run(
        f"exec {sys.executable} -m runner {command}",
        shell=True, cwd=braid.directory, env=braid.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == status
    assert sentence in told.stderr
    assert "Traceback" not in told.stderr
    assert "Error" not in told.stderr


def test_debug_shows_the_traceback_wherever_it_stands(braid: Cli) -> None:
    for arguments in (["--debug", "run", "nothing"], ["run", "nothing", "--debug"]):
        told = braid(*arguments)
        assert told.status == 2
        assert "Traceback" in told.err
        assert told.err.splitlines()[-1].startswith("braid: There is no workflow 'nothing'")
