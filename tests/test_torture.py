"""The short form of `make torture`."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.databases import fresh_postgres
from torture import torture


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_lost_or_repeated_under_random_kills(database: str, tmp_path: Path) -> None:
    if database == "sqlite":
        tally = torture(8, 1, None, tmp_path)
    else:
        with fresh_postgres() as url:
            tally = torture(4, 50, url, tmp_path)
    assert tally.sound(), f"{tally.table()}\nseeds {tally.seeds_of_trouble}"
    assert tally.kills >= (8 if database == "sqlite" else 4)
