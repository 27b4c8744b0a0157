"""`braid` in the process of the tests, which spares starting one: for all but signals and kills."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.cli import Result

from runner.cli import main


@dataclass(frozen=True)
class Here:
    """Runs `braid` here, in a directory and with a database of its own."""

    directory: Path
    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, env: dict[str, str] | None = None) -> Result:
        """Run `braid` with these arguments to its end."""
        self.captured.readouterr()
        with self.patch.context() as patch:
            patch.setattr(sys, "argv", ["braid", *arguments])
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            status = main()
        return Result(status, *self.captured.readouterr())
