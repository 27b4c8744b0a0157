"""One setting says where state is kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from state import UnusableDatabase
from state.database import MEMORY, locate


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("runs.db", Path("runs.db")),
        (Path("data/runs.db"), Path("data/runs.db")),
        ("sqlite:///runs.db", Path("runs.db")),
        ("sqlite:////data/runs.db", Path("/data/runs.db")),
        (":memory:", MEMORY),
        ("sqlite:///:memory:", MEMORY),
        ("postgres://host/runs", "postgres://host/runs"),
        ("postgresql://me:secret@host/runs", "postgresql://me:secret@host/runs"),
    ],
)
def test_a_path_is_sqlite_and_a_url_names_its_database(
    named: str | Path, place: Path | str
) -> None:
    assert locate(named) == place


def test_without_a_name_the_setting_counts_and_then_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BRAID_DB", "~/runs.db")
    assert locate() == Path.home() / "runs.db"
    monkeypatch.setenv("BRAID_DB", "")
    assert locate() == Path("braid.sqlite")


@pytest.mark.parametrize("named", ["mysql://me:secret@host/runs", "sqlite://runs.db", "sqlite:///"])
def test_another_scheme_is_refused_without_repeating_its_password(named: str) -> None:
    with pytest.raises(UnusableDatabase, match="name a file, sqlite:///file or postgres") as error:
        locate(named)
    assert "secret" not in str(error.value)


def test_declaring_a_workflow_loads_no_driver_and_no_cipher() -> None:
    heavy = {"aiosqlite", "psycopg", "psycopg_pool", "filelock", "Crypto"}
    code = f"import sys, state; print({heavy} & sys.modules.keys())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
