"""Trials of the toy workflows: what is ordered, and what should come of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from support.thread_program import WORK, given_to_aggregate
from support.torture_count import completions
from support.torture_faults import said
from support.torture_trial import Place, Stuck, Trial

TIMEOUT = 1.5
"""Seconds that a workflow gives an attempt, so that a model that hangs costs little."""


class ThreadTrial(Trial):
    """One run of a toy workflow, by processes of `support.thread_program`."""

    program = "support.thread_program"

    def __init__(
        self,
        pattern: str,
        order: Mapping[str, Any],
        seed: int,
        place: Place,
        kills: int | None = None,
    ) -> None:
        super().__init__(pattern, seed, place, kills)
        self.order = {**order, "ask": True}
        names = [str(n) for n in range(order.get("items", 0))]
        self.works = names or order.get("branches") or ["a", "b", "s1", "s2"]
        self.labels = {
            name: f"<work>\n{name}\n</work>" for name in (*self.works, "split", "aggregate")
        }
        self.dispensable = 0
        """Branches or items without which the run goes on unasked."""
        self.decided: tuple[str, Mapping[str, Any]] = ("retry", {})
        """The last answer to a pause, and what had failed."""
        if self.kills_wanted:
            self._draw()

    def _draw(self) -> None:
        chance = self.chance("order")
        self.order["timeout"] = TIMEOUT
        self.order["stream"] = chance.random() < 0.5
        if chance.random() < 0.5:
            self.order["max_parallel"] = chance.choice([1, 2, 5])
        broken = chance.choice([0, 0, 1, 1, 2, len(self.works)])
        self.faults.broken.update(chance.sample(self.works, k=broken))
        if self.faults.broken and chance.random() < 0.2:
            self.order["on_shortfall"] = "raise"
        if chance.random() < 0.25:
            total = 3 if "s1" in self.works else len(self.works)
            self.order["quorum"] = chance.randrange(1, total)
            self.dispensable = total - self.order["quorum"]

    def finish(self) -> Any:
        """Run, and continue or answer, until the run has ended."""
        do = "run"
        while True:
            order = json.dumps(self.ordered(do))
            ended = self.process(self.program, self.place.url, "t", str(self.log), order)
            if ended is None:
                do = "continue" if self.kept.begun else "run"
            elif ended.status != 0:
                raise Stuck(ended.err)
            elif "raised" in ended.json:
                self.faults.broken.clear()
                do = "continue"
            elif ended.json["paused"]:
                do = self._answer(ended.json["paused"][0])
            else:
                return ended.json

    def ordered(self, do: str) -> dict[str, Any]:
        """Return the order of the next process."""
        return {**self.order, "do": do}

    def _answer(self, question: Mapping[str, Any]) -> str:
        action = self.decide(question["actions"])
        self.decided = action, question["failures"]
        if action == "retry":
            self.faults.broken.clear()
        return action

    def differences(self, result: Any, wanted: Any) -> Sequence[str]:
        """Compare with the fault-free run, less what had failed when it was accepted."""
        action, failures = self.decided
        if action == "retry":
            enough = len(result["failures"]) <= self.dispensable
            failures = result["failures"] if enough else {}
        expected = essence(wanted)
        if failures:
            lost = {"s1", "s2"} if "two" in failures else set()
            expected = _without(expected, {*failures, *lost}, abort=action == "abort")
            expected["failures"] = failures
        found = essence(result)
        wrong = [f"{k}: {found[k]}, not {expected[k]}" for k in found if found[k] != expected[k]]
        return [*wrong, *self.unexplained(failures)]

    def aggregated_once(self, result: Any) -> bool:
        """Compare what the aggregator said and what was committed with what is due."""
        due = Counter({"aggregate": 0 if result["status"] == "aborted" else 1})
        return due == completions(self.history) and due.total() == self.kept.aggregated.total()


def essence(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be the same in every run; a list whose order is chance, sorted."""
    same = {key: result.get(key) for key in ("top", "total", "status", "failures")}
    reduced = {"out": sorted(result.get("out") or ()), "by_name": result.get("by_name") or {}}
    return {**reduced, **same}


def _without(expected: dict[str, Any], failed: set[str], *, abort: bool) -> dict[str, Any]:
    """Compute the result of a run that went on, or was aborted, without what had failed."""
    out = [name for name in expected["out"] if name not in failed]
    made = {name: expected["by_name"][name] for name in out}
    if abort:
        nothing = {} if out else {"top": None}
        end = {"total": None, "status": "aborted", **nothing}
    else:
        made["aggregate"] = aggregate_of(made)
        end = {"total": len(out), "status": "partial"}
    return {**expected, "out": out, "by_name": made, **end}


def aggregate_of(made: dict[str, str]) -> str:
    """Return what the model makes of the aggregator's question about these results."""
    given = given_to_aggregate(made)
    return said(f"{WORK} <work>\naggregate\n</work>\n\n<given>\n{given}\n</given>")
