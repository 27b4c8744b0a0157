"""The runner's own settings, from the environment and from `.env` in the working directory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runner.errors import BadInput

if TYPE_CHECKING:
    from runner.timing import Prices


@dataclass(frozen=True)
class Settings:
    """Where runs are kept, and what tokens cost."""

    database: Path | str
    """A SQLite file, or a postgresql:// address."""
    prices: Prices = field(default_factory=dict)

    @property
    def where(self) -> str:
        """Name the database without the password that its address may hold."""
        if isinstance(self.database, Path):
            return str(self.database)
        parts = urlsplit(self.database)
        return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"

    @property
    def nothing_kept(self) -> bool:
        """Tell, without making it, that the database is not there yet."""
        return isinstance(self.database, Path) and not self.database.exists()


def read_settings() -> Settings:
    """Read BRAID_DB and BRAID_PRICES, and check the file of BRAID_SOURCES; raise BadInput."""
    from runner.timing import load_prices
    from state.database import locate

    prices = os.environ.get("BRAID_PRICES", "").strip()
    try:
        if os.environ.get("BRAID_SOURCES"):
            from nodes.sources import check_sources

            check_sources()
        return Settings(locate(), load_prices(prices) if prices else {})
    except ValueError as error:
        raise BadInput(str(error)) from None


def load_env_file() -> None:
    """Take settings from `.env`; what the environment already says stands."""
    if not Path(".env").is_file():
        return
    from dotenv import load_dotenv

    try:
        load_dotenv(".env")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f".env cannot be read: {error}.") from None
