"""Bad input gets one sentence and exit status 2, and nothing has been started or stored."""

from __future__ import annotations

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
        ("run creative_trio --thread \n", "printable characters"),
        ("run creative_trio --timeline out.png", "neither"),
        ("run creative_trio --timeline nowhere/out.svg", "there is no such folder"),
        ("resume nobody", "There is no thread 'nobody'"),
        ("resume nobody --accept --abort", "exclude each other"),
        ("resume nobody --answer {", "--answer is not valid JSON"),
        ("batch creative_trio nowhere.jsonl --out out.jsonl", "cannot be read"),
        ("batch creative_trio binary --out binary", "need another file"),
        ("batch creative_trio binary --out .", "is not a file"),
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
    ],
)
def test_a_setting_that_makes_no_sense_is_bad_input(
    here: Here, tmp_path: Path, setting: str, value: str, sentence: str
) -> None:
    told = here("run", "creative_trio", env={setting: value})
    assert told.status == 2
    assert sentence in told.err
    assert not list(tmp_path.iterdir())


def test_a_database_that_cannot_be_used_is_left_alone(here: Here, tmp_path: Path) -> None:
    (tmp_path / "braid.sqlite").write_text("precious")
    told = here("run", "creative_trio")
    assert told.status == 1
    assert "is not a SQLite database" in told.err
    assert len(told.err.splitlines()) == 1
    assert (tmp_path / "braid.sqlite").read_text() == "precious"


def test_debug_shows_the_traceback_wherever_it_stands(braid: Cli) -> None:
    for arguments in (["--debug", "run", "nothing"], ["run", "nothing", "--debug"]):
        told = braid(*arguments)
        assert told.status == 2
        assert "Traceback" in told.err
        assert told.err.splitlines()[-1].startswith("braid: There is no workflow 'nothing'")
