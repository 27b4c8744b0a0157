"""`make torture`: random kills, faults, limits and decisions, until every run has finished.

Each trial is one run, or one batch, whose branches ask a model over HTTP. Processes work on it one
after another; each is killed with SIGKILL at a random moment, until the trial's kills are used up
and it finishes. Everything follows from the trial's seed. What is counted: docs/torture.md.

    python tests/torture.py --kills 300 --seed 1 --db sqlite --out docs/torture.md
    python tests/torture.py --seed 17 --trials 1                     (one trial again)
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "docs")]

import generate  # noqa: E402
import psycopg  # noqa: E402 - a program of its own
from support.databases import SERVER, fresh_postgres  # noqa: E402
from support.forked import Forker  # noqa: E402
from support.torture_count import Outcome, Tally  # noqa: E402
from support.torture_patterns import PATTERNS, run_fault_free  # noqa: E402
from support.torture_trial import Place  # noqa: E402

KILLS = {"sqlite": 300, "postgresql": 100}
"""Unless told otherwise."""


@dataclass
class Torture:
    """Trials from a seed on, some at a time, until there were enough of them or of their kills."""

    forker: Forker
    directory: Path
    database: str = "sqlite"
    seed: int = 1
    kills: float = float("inf")
    trials: float = float("inf")
    minutes: float = float("inf")
    kills_each: int | None = None
    """Kills in each trial; None: as the seed says."""
    at_once: int = (os.cpu_count() or 1) + 1
    told: Callable[[Outcome], None] = lambda outcome: None
    fault_free: dict[str, Any] = field(default_factory=dict)
    """Results by pattern; what is missing is run."""

    def run(self) -> Tally:
        """Run the trials; those that have begun when the time is up are brought to their end."""
        tally, seeds, lock = Tally(), itertools.count(self.seed), Lock()
        self._running_fault_free = Lock()
        started, began = 0, time.monotonic()

        def next_seed() -> int | None:
            nonlocal started
            with lock:
                if tally.total("kills") >= self.kills or started >= self.trials:
                    return None
                if time.monotonic() - began > 60 * self.minutes:
                    tally.cut_short = True
                    return None
                started += 1
                return next(seeds)

        def work() -> None:
            while (seed := next_seed()) is not None:
                outcome = self._trial(seed)
                with lock:
                    tally.add(outcome)
                    self.told(outcome)

        with ThreadPoolExecutor(self.at_once) as pool:
            for worker in [pool.submit(work) for _ in range(self.at_once)]:
                worker.result()
        return tally

    def _trial(self, seed: int) -> Outcome:
        pattern = list(PATTERNS)[seed % len(PATTERNS)]
        directory = self.directory / f"{self.database}-{seed}"
        directory.mkdir()
        with self._database(directory) as url:
            trial = PATTERNS[pattern](seed, Place(self.forker, directory, url), self.kills_each)
            outcome = trial.run(self._fault_free)
        shutil.rmtree(directory)
        return outcome

    @contextmanager
    def _database(self, directory: Path) -> Iterator[str]:
        if self.database == "postgresql":
            with fresh_postgres() as url:
                yield url
        else:
            yield str(directory / "braid.sqlite")

    def _fault_free(self, pattern: str) -> Any:
        with self._running_fault_free:
            if pattern not in self.fault_free:
                self.fault_free[pattern] = run_fault_free(pattern, self.forker, self.directory)
            return self.fault_free[pattern]


def report(tally: Tally, options: argparse.Namespace, minutes: float) -> str:
    """Return the table in Markdown, below a line that says how it came about."""
    seeds = f"seeds {min(tally.seeds)} to {max(tally.seeds)}" if tally.seeds else "no seeds"
    kills = f"{tally.total('kills'):,} kills in {minutes:.1f} minutes"
    made = f"{_versions(options.db)}; {seeds}; {kills}."
    if tally.cut_short:
        made += f" The time was up before the {options.kills:,} kills that were wanted."
    return f"{made}\n\n{tally.table(list(PATTERNS))}"


def _versions(database: str) -> str:
    if database == "postgresql":
        with psycopg.connect(SERVER) as server:
            kept_in = f"PostgreSQL {server.info.parameter_status('server_version')}".split(" (")[0]
    else:
        kept_in = f"SQLite {sqlite3.sqlite_version}"
    return f"Python {platform.python_version()}, langgraph {version('langgraph')}, {kept_in}"


def _tell(outcome: Outcome) -> None:
    did = f"{outcome.kills} kills, {len(outcome.history)} processes"
    print(f"seed {outcome.seed}, {outcome.pattern}: {did}", flush=True)


def _tell_all(outcome: Outcome) -> None:
    _tell(outcome)
    print("requests by branch:", dict(sorted(outcome.requests.items())))


def main() -> int:
    """Read the options, torture, print and write the table."""
    parser = argparse.ArgumentParser(description="Kill runs at random until all have finished.")
    parser.add_argument("--kills", type=int, help="stop after so many (300; 100 on PostgreSQL)")
    parser.add_argument("--trials", type=int, help="stop after so many trials instead")
    parser.add_argument("--minutes", type=float, default=60, help="start no trial after so many")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first trial")
    parser.add_argument("--db", choices=list(KILLS), default="sqlite")
    parser.add_argument("--out", type=Path, help="write the table into this page")
    options = parser.parse_args()
    if options.trials is None and options.kills is None:
        options.kills = KILLS[options.db]
    limits = {k: v for k, v in vars(options).items() if k in ("kills", "trials") and v is not None}
    print(f"{limits}, from seed {options.seed} on, {options.db}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, Forker() as forker:
        torture = Torture(
            forker,
            Path(directory),
            options.db,
            options.seed,
            minutes=options.minutes,
            told=_tell_all if options.trials == 1 else _tell,
            **limits,
        )
        tally = torture.run()
    block = report(tally, options, (time.monotonic() - began) / 60)
    print(f"\n{block}")
    if options.out:
        options.out.write_text(generate.with_block(options.db, block, options.out.read_text()))
    if tally.troubles:
        print(f"\n{tally.stories()}\nGive such a seed to --seed, with --trials 1, to see it again.")
    return 0 if tally.sound() else 1


if __name__ == "__main__":
    sys.exit(main())
