"""Which source a workflow asks: the sample catalogues that ship, unless a file names others.

BRAID_SOURCES names a TOML file. Each of its tables takes the place of one sample catalogue, and
names either an interface (`url`, see JsonSource for the rest) or a file of one's own:

    [flights]
    url = "https://api.example.com/flights?to={query}&on={start_date}&limit={limit}"
    items = "results"
    title = "{carrier} {number}"
    link = ["booking.url", "https://example.com/flights/{number}"]
    data = { price = "fare.total", currency = "fare.currency", departs = "departure.time" }
    headers = { Authorization = "Bearer ${FLIGHTS_KEY}" }

    [restaurants]
    file = "restaurants.csv"
"""

from __future__ import annotations

import asyncio
import difflib
import os
import tomllib
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nodes.sources.base import Source, SourceError
from nodes.sources.catalogue import CatalogueSource
from nodes.sources.json_api import JsonSource, Place

SAMPLE = "sample catalogue"
"""How the hits of the catalogues that ship are signed: what they say is made up."""
SAMPLES = Path(__file__).parent / "data"


async def source(name: str) -> Source:
    """Return the source of that name; raise SourceError for a file or a table that is wrong."""
    return await asyncio.to_thread(_source, name)


class _Table(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(extra="forbid")

    file: Path | None = None
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    items: str = ""
    title: Place = "title"
    text: Place = "text"
    link: Place = "url"
    data: dict[str, Place] = {}
    headers: dict[str, str] = {}
    html: bool = False

    @model_validator(mode="after")
    def _one_of_two(self) -> _Table:
        if (self.file is None) == (self.url is None):
            raise ValueError("give either a `url` or a `file`")
        return self


def check_sources() -> None:
    """Raise SourceError where the file of BRAID_SOURCES cannot be used."""
    _configured()


def _configured() -> tuple[Path, dict[str, _Table]]:
    """Return the file of BRAID_SOURCES and its tables, none without that setting."""
    setting = os.environ.get("BRAID_SOURCES", "").strip()
    path = Path(os.path.expanduser(setting))
    if not setting:
        return path, {}
    try:
        return path, _tables(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise SourceError(f"BRAID_SOURCES: {path} cannot be read: {error.strerror}.") from error


def _source(name: str) -> Source:
    path, tables = _configured()
    if name not in tables:
        sample = SAMPLES / f"{name}.jsonl"
        if not sample.is_file():
            raise SourceError(f"There is no source {name!r}; name it in the file of BRAID_SOURCES.")
        return CatalogueSource(sample, SAMPLE)
    table = tables[name]
    if table.file is not None:
        return CatalogueSource(path.parent / os.path.expanduser(table.file), name)
    return JsonSource(name=name, **table.model_dump(exclude={"file"}))


@lru_cache(maxsize=4)
def _tables(path: Path, mtime_ns: int) -> dict[str, _Table]:
    """Read the file; the time it had makes a changed file another one."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"BRAID_SOURCES: {path} is not valid TOML: {error}.") from None
    _refuse_misspelt(path, document)
    return {name: _table(path, name, table) for name, table in document.items()}


def _refuse_misspelt(path: Path, names: Collection[str]) -> None:
    """Raise SourceError for a name that is nearly a sample's: the sample would answer instead."""
    samples = [sample.stem for sample in SAMPLES.glob("*.jsonl")]
    for name in names:
        near = difflib.get_close_matches(name.lower(), samples, n=1, cutoff=0.8)
        if near and name not in samples:
            raise SourceError(f"BRAID_SOURCES: {path}, {name}: did you mean {near[0]!r}?")


def _table(path: Path, name: str, table: Any) -> _Table:
    try:
        return _Table.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join([name, *map(str, first["loc"])])
        message = first["msg"].removeprefix("Value error, ")
        raise SourceError(f"BRAID_SOURCES: {path}, {where}: {message}.") from None
