"""`make torture`: random kills, failures, limits and decisions, until every run has finished.

Each trial is one thread of a toy workflow (branches and a two-step branch, or a map in chunks of
some size). Processes work on it one after another; each is killed with SIGKILL at a random moment,
until the trial's kills are used up and the thread finishes. Everything follows from the seed.

    python tests/torture.py --kills 300 --seed 1 --db sqlite
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.cli import Cli, Running  # noqa: E402 - a program of its own
from support.databases import fresh_postgres  # noqa: E402

from state import open_checkpointer  # noqa: E402

PATTERNS: dict[str, dict[str, Any]] = {
    "branches and steps": {},
    "map, items alone": {"items": 12, "chunk_size": 1},
    "map, chunks of 4": {"items": 12, "chunk_size": 4},
    "map, one chunk": {"items": 12, "chunk_size": 12},
}
MOST_PROCESSES = 30
"""A thread that so many processes could not finish counts as unfinished."""


@dataclass
class Tally:
    """What is counted, over all trials."""

    trials: int = 0
    kills: int = 0
    processes: int = 0
    unfinished: int = 0
    aggregated: Counter[int] = field(default_factory=Counter)
    """Runs by how often their aggregator completed and was kept."""
    repeated: int = 0
    """Finished and committed, and executed again."""
    in_window: int = 0
    """Finished, killed before the commit, and executed again."""
    different: int = 0
    """Results that differ from the fault-free run's."""
    seeds_of_trouble: list[int] = field(default_factory=list)

    def table(self) -> str:
        """Return the counts in Markdown."""
        rows = {
            "trials": self.trials,
            "kills": self.kills,
            "processes": self.processes,
            "unfinished runs": self.unfinished,
            "runs whose aggregator was not kept exactly once": sum(
                runs for times, runs in self.aggregated.items() if times != 1
            ),
            "finished work executed again": self.repeated,
            "work killed between its last line and its commit, executed again": self.in_window,
            "results that differ from the fault-free run": self.different,
        }
        lines = [f"| {name} | {number} |" for name, number in rows.items()]
        return "\n".join(["| counted | |", "|---|---|", *lines])

    def sound(self) -> bool:
        """Tell whether Braid kept its promise."""
        once = set(self.aggregated) <= {1}
        return once and not (self.unfinished or self.repeated or self.different)


class Trial:
    """One thread, and the processes that work on it."""

    def __init__(self, seed: int, directory: Path, url: str) -> None:
        self.seed, self.chance = seed, random.Random(seed)
        self.url, self.log = url, directory / f"log-{seed}"
        self.log.touch()
        self.cli = Cli(directory)
        self.pattern = self.chance.choice(list(PATTERNS))
        self.order = dict(PATTERNS[self.pattern])
        if self.chance.random() < 0.5:
            self.order["max_parallel"] = self.chance.choice([1, 2, 5])
        names = [str(n) for n in range(self.order.get("items", 0))] or ["a", "b", "s1", "s2"]
        self.broken = self.chance.sample(names, k=self.chance.choice([0, 0, 1, 2]))
        if self.broken and self.chance.random() < 0.3:
            self.order["on_shortfall"] = "raise"
        self.committed_at: list[tuple[int, set[str]]] = []

    def run(self, kills: int) -> tuple[dict[str, Any] | None, int, int]:
        """Work until the thread has finished: (result, kills, processes)."""
        do, broken, killed = "run", self.broken, 0
        for processes in range(1, MOST_PROCESSES + 1):
            running = self._start(do, broken)
            if killed < kills and self._kill(running):
                killed += 1
                kept = asyncio.run(self._committed())
                self.committed_at.append((len(self._lines()), kept))
                do = "continue" if asyncio.run(self._exists()) else "run"
                continue
            ended = running.wait(120)
            assert ended.status == 0, f"seed {self.seed}: {ended.err}"
            result: dict[str, Any] = ended.json
            if "raised" in result:
                do, broken = "continue", []
            elif result["paused"]:
                do, broken = "retry", []
            else:
                return result, killed, processes
        return None, killed, MOST_PROCESSES

    def _start(self, do: str, broken: list[str]) -> Running:
        order = {**self.order, "do": do, "broken": broken, "pause_ms": 40, "seed": self.seed}
        program = ("-m", "support.thread_program", self.url, f"t{self.seed}", str(self.log))
        return self.cli.start_python(*program, json.dumps(order))

    def _kill(self, running: Running) -> bool:
        """Kill at a random moment after it has begun to work; False if it ended before."""
        begun = len(self._lines())
        while running.process.poll() is None and len(self._lines()) == begun:
            time.sleep(0.002)
        time.sleep(self.chance.uniform(0, 0.15))
        if running.process.poll() is not None:
            return False
        running.kill()
        return True

    def _lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    async def _committed(self) -> set[str]:
        """Return the names of what is kept: branches, steps and items that succeeded."""
        kept: set[str] = set()
        async with open_checkpointer(self.url) as saver:
            config: Any = {"configurable": {"thread_id": f"t{self.seed}"}}
            async for found in saver.alist(config):
                for _, channel, value in found.pending_writes or ():
                    spans = value if channel == "spans" and isinstance(value, list) else []
                    if channel == "items":
                        spans = [span for update in value.values() for span in update["spans"]]
                    kept |= {
                        str(span.get("step") or span["name"])
                        for span in spans
                        if span["status"] == "ok"
                    }
        return kept

    async def _exists(self) -> bool:
        async with open_checkpointer(self.url) as saver:
            config: Any = {"configurable": {"thread_id": f"t{self.seed}"}}
            return await saver.aget_tuple(config) is not None

    def count(self, tally: Tally, result: dict[str, Any] | None) -> None:
        """Add what happened to the tally."""
        lines, before = self._lines(), (tally.repeated, tally.different, tally.unfinished)
        aggregated = lines.count("aggregate done")
        for at, kept in self.committed_at:
            finished = {line.removesuffix(" done") for line in lines[:at] if line.endswith("done")}
            again = {line for line in lines[at:] if not line.endswith(("done", "failed"))}
            tally.repeated += len(again & kept)
            lost = (again & finished) - kept
            tally.in_window += len(lost)
            aggregated -= "aggregate" in lost
        tally.trials += 1
        if result is None:
            tally.unfinished += 1
        else:
            tally.aggregated[aggregated] += 1
            tally.different += _essence(result) != self._expected()
        if (tally.repeated, tally.different, tally.unfinished) != before:
            tally.seeds_of_trouble.append(self.seed)

    def _expected(self) -> dict[str, Any]:
        names = [str(n) for n in range(self.order.get("items", 0))] or ["a", "b", "s1", "s2"]
        return {"out": sorted(names), "total": len(names), "status": "complete", "failures": {}}


def _essence(result: dict[str, Any]) -> dict[str, Any]:
    kept = {key: result.get(key) for key in ("total", "status", "failures")}
    return {"out": sorted(result.get("out", [])), **kept}


def torture(kills: int, seed: int, url: str | None, directory: Path) -> Tally:
    """Run trials, two at a time, until that many kills are done."""
    tally = Tally()

    def one(number: int) -> tuple[Trial, tuple[dict[str, Any] | None, int, int]]:
        place = url or str(directory / f"{number}.sqlite")
        trial = Trial(number, directory, place)
        return trial, trial.run(trial.chance.randint(1, 4))

    with ThreadPoolExecutor(2) as pool:
        number = seed
        while tally.kills < kills:
            batch = [number, number + 1]
            number += len(batch)
            for trial, (result, killed, processes) in pool.map(one, batch):
                tally.kills += killed
                tally.processes += processes
                trial.count(tally, result)
    return tally


def main() -> int:
    """Read the options, torture, print the table."""
    parser = argparse.ArgumentParser(description="Kill runs at random until all have finished.")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.kills} kills, {options.db}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        if options.db == "sqlite":
            tally = torture(options.kills, options.seed, None, Path(directory))
        else:
            with fresh_postgres() as url:
                tally = torture(options.kills, options.seed, url, Path(directory))
    print(tally.table())
    if tally.seeds_of_trouble:
        print(
            f"trouble with the seeds {tally.seeds_of_trouble}: give one to --seed to see it again"
        )
    return 0 if tally.sound() else 1


if __name__ == "__main__":
    sys.exit(main())
