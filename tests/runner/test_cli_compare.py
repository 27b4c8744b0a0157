"""`braid compare`: both ways are shown, and what cannot be measured is told."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from support.here import Here


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the databases are made that are thrown away."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_both_ways_are_drawn_and_the_gain_is_said(here: Here, scratch: Path) -> None:
    told = here("compare", "creative_trio", "topic=tea")
    assert told.status == 0, told.err
    for text in ("model: offline", "One at a time", "All at once", " became ", "x faster"):
        assert text in told.out
    assert told.out.count("✓ joke") == 2
    assert not list(scratch.iterdir())
    assert not (here.directory / "braid.sqlite").exists()


def test_a_run_that_asks_cannot_be_compared(here: Here, scratch: Path) -> None:
    told = here("compare", "moderation", "text=I hate this stupid idiot", "least_agreement=1")
    assert told.status == 1
    assert "ended paused, so there is nothing to compare: it asks a question" in told.err


def test_a_setting_that_makes_no_sense_is_bad_input(here: Here, scratch: Path) -> None:
    told = here("compare", "creative_trio", "topic=tea", env={"BRAID_OFFLINE_LATENCY": "soon"})
    assert told.status == 2
    assert "BRAID_OFFLINE_LATENCY is 'soon'" in told.err
