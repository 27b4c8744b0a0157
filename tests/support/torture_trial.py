"""A trial: a run, or a batch, worked on by processes that are killed until it is finished.

All that is left to chance follows from the trial's seed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.cli import Cli, Result
from support.forked import SOON, Forked, Forker
from support.torture_count import Kept, Outcome, Process, read_kept
from support.torture_faults import REFUSED, Faults, answered, server
from support.work_log import read_log

from graphs.retry import RETRY

MOST_PROCESSES = 40
"""What so many processes could not finish counts as unfinished."""
MOST_KILLS = 4
"""Per trial."""
PATIENCE = 120.0
"""Seconds in which a process that is not killed must come to its end."""


class Stuck(Exception):
    """A trial cannot come to its end; the message says why."""


@dataclass
class Place:
    """Where a trial is kept, and what its processes are forked from."""

    forker: Forker
    directory: Path
    url: str
    """Of its database, which is its own."""


class Trial:
    """One run or batch, and the processes that work on it one after another."""

    labels: Mapping[str, str]
    """The text that tells the requests of each piece of work."""
    patient = False
    """Whether the client would wait minutes for a model that hangs."""

    def __init__(self, pattern: str, seed: int, place: Place, kills: int | None = None) -> None:
        """Take the kills that are wanted; 0: a run without faults and decisions, too."""
        self.pattern, self.seed, self.place = pattern, seed, place
        self.kills, self.kills_wanted = 0, kills
        if kills is None:
            self.kills_wanted = self.chance("kills").randint(1, MOST_KILLS)
        self.faults = Faults(seed) if self.kills_wanted else Faults(seed, rates=())
        self.log = place.directory / "log"
        self.log.touch()
        self.history: list[Process] = []
        self.kept = Kept()
        self.decisions: Counter[str] = Counter()

    def chance(self, what: str) -> random.Random:
        """Return the source of one thing that is left to chance."""
        return random.Random(f"{self.seed} {what}")

    def run(self, fault_free: Callable[[str], Any]) -> Outcome:
        """Work until all is finished; `fault_free` gives the result that a pattern should have."""
        wanted = fault_free(self.pattern)
        with server(dict(self.labels), self.faults) as self.server:
            try:
                result = self.finish()
                return self._outcome(
                    different="; ".join(self._complaints(result, wanted)),
                    not_once=not self.aggregated_once(result),
                )
            except Exception as error:  # one trial's trouble ends no other
                return self._outcome(unfinished=f"{type(error).__name__}: {error}")

    def _complaints(self, result: Any, wanted: Any) -> Iterator[str]:
        yield from self.differences(result, wanted)
        if strange := self.server.counts["other"]:
            yield f"{strange} requests that are no branch's"

    def _outcome(self, **found: Any) -> Outcome:
        return Outcome(
            seed=self.seed,
            pattern=self.pattern,
            kills=self.kills,
            history=self.history,
            requests=self.server.counts,
            faults=Counter(self.faults.drawn.values()),
            decisions=self.decisions,
            **found,
        )

    def finish(self) -> Any:
        """Start processes until there is a result."""
        raise NotImplementedError

    def differences(self, result: Any, wanted: Any) -> Sequence[str]:
        """Say where a result is not what the fault-free run and the decisions make it."""
        raise NotImplementedError

    def aggregated_once(self, result: Any) -> bool:
        """Tell whether each aggregator completed and was committed exactly once."""
        raise NotImplementedError

    def process(self, module: str, *arguments: str) -> Result | None:
        """Have a process work until it ends; None: it was killed."""
        if len(self.history) >= MOST_PROCESSES:
            raise Stuck(f"not finished by {MOST_PROCESSES} processes")
        asked, ended = len(self.server.asked), None
        kill = self.kills < self.kills_wanted
        self.faults = dataclasses.replace(self.faults, hangs=kill or not self.patient)
        self.server.faults = self.faults
        said = len(read_log(self.log))
        where = self.place
        own = {"BRAID_DB": where.url, "WORK_LOG": str(self.log), **self.server.env}
        env = Cli(where.directory, **own).env
        running = where.forker.start(module, *arguments, env=env, directory=where.directory)
        killed_at = self._kill(running, asked) if kill else None
        if killed_at is None:
            ended = running.wait(PATIENCE)
        self.server.wait_until_idle()
        self.kept = asyncio.run(read_kept(self.place.url))
        works = [request.label for request in self.server.asked[asked:]]
        events = read_log(self.log)[said:]
        self.history.append(Process(events, works, killed_at, self.kept.works))
        return ended

    def _kill(self, running: Forked, asked: int) -> float | None:
        """Kill at a random moment; return when. None: it had ended before."""
        chance = self.chance(f"kill {len(self.history)}")
        if chance.random() < 0.15:  # at any time, also while it starts
            time.sleep(chance.uniform(0, 0.3))
        else:  # at work
            while not running.ended() and len(self.server.asked) == asked:
                time.sleep(SOON)
            time.sleep(self.after_first_request(chance))
        killed_at = time.time()
        if not running.kill():
            return None
        self.kills += 1
        return killed_at

    def after_first_request(self, chance: random.Random) -> float:
        """Return the seconds from a process's first request to its end."""
        return chance.uniform(0, 0.15)

    def decide(self, offered: Sequence[str]) -> str:
        """Choose an answer to a pause."""
        chance = self.chance(f"decision {self.decisions.total()}")
        action = chance.choice(offered)
        self.decisions[action] += 1
        return action

    def unexplained(self, failures: Mapping[str, Any], prefix: str = "") -> list[str]:
        """Name the failures without a reason: all attempts at a bad model, or one refusal."""
        faulty = {
            request.label
            for request in self.server.asked
            if not answered(request, self.faults.drawn)
        }

        def explained(name: str, failure: Mapping[str, Any]) -> bool:
            tried = failure["attempts"] == RETRY.max_attempts
            bad = prefix + str(failure.get("step", name)) in faulty
            late = failure["error_type"] == "TimeoutError"  # a busy machine is reason enough
            return (tried and (bad or late)) or (bad and REFUSED.message in failure["message"])

        return [
            f"{prefix}{name} failed without reason: {failure}"
            for name, failure in failures.items()
            if not explained(name, failure)
        ]
