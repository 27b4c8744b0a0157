"""Trials of `braid batch`: its input, the answers to its pauses, and what its lines should be."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from support.torture_count import completions
from support.torture_trial import Place, Stuck, Trial

from nodes import content_kit
from runner.ledger import FINAL

TOPICS = ("tea", "rain", "bread", "snow", "moss")
PARTS = {
    "title": content_kit.TITLE,
    "meta_description": content_kit.META_DESCRIPTION,
    "social_post": content_kit.SOCIAL_POST,
    "hashtags": content_kit.HASHTAGS,
}
MOST_MISSING = 1
"""Parts without which `content_kit` still goes on unasked."""


class BatchTrial(Trial):
    """One `braid batch` of a shipped workflow, and `braid resume` where a line is paused."""

    patient = True

    def __init__(self, pattern: str, seed: int, place: Place, kills: int | None = None) -> None:
        super().__init__(pattern, seed, place, kills)
        self.labels = {
            f"{topic}/{part}": f"{instructions} <topic>\n{topic}\n</topic>"
            for topic in TOPICS
            for part, instructions in PARTS.items()
        }
        lines = [json.dumps({"topic": topic}) + "\n" for topic in TOPICS]
        (place.directory / "in.jsonl").write_text("".join(lines))
        self.out = place.directory / "out.jsonl"
        self.decided: dict[str, tuple[str, Mapping[str, Any]]] = {}
        """By topic, the last answer to its pause, and what had failed."""
        self.limit = self.chance("limit").choice([1, 2, 5])
        if self.kills_wanted and (chance := self.chance("broken")).random() < 0.6:
            topic = chance.choice(TOPICS)
            parts = chance.sample(list(PARTS), k=chance.choice([1, 2, 2, 3, 4]))
            self.faults.broken.update(f"{topic}/{part}" for part in parts)

    def finish(self) -> Any:
        """Start the batch, and answer its pauses, until every line is final."""
        files = ("in.jsonl", "--out", "out.jsonl")
        while True:
            limit = ("--concurrency", str(self.limit))
            ended = self.process("support.logged_braid", "batch", "content_kit", *files, *limit)
            if ended is None or "Another batch is writing" in ended.err:
                continue  # the database may not have noticed yet that the last one is dead
            if "Traceback" in ended.err or not self.out.exists():
                raise Stuck(ended.err)
            lines = [json.loads(line) for line in self.out.read_text().splitlines()]
            if len(lines) >= len(TOPICS) and all(line["status"] in FINAL for line in lines):
                return lines
            for line in lines:
                if line["status"] == "paused":
                    self._answer(line)

    def _answer(self, line: Mapping[str, Any]) -> None:
        topic, failures = line["input"]["topic"], line["failures"]
        some = len(failures) < len(PARTS)
        action = self.decide(["retry", "accept", "abort"] if some else ["retry", "abort"])
        self.decided[topic] = action, failures
        if action == "retry":
            self.faults.broken.clear()
        self.process("support.logged_braid", "resume", line["thread_id"], f"--{action}", "--json")

    def differences(self, result: Any, wanted: Any) -> Sequence[str]:
        """Compare each line with that of the fault-free batch, less what had failed."""
        complaints = []
        if sorted(line["line"] for line in result) != [line["line"] for line in wanted]:
            complaints.append(f"the lines are {[line['line'] for line in result]}")
        right = {line["line"]: line for line in wanted}
        for line in result:
            expected, failures = self._expected(right[line["line"]], line), line["failures"]
            wrong = [k for k, value in expected.items() if line[k] != value]
            complaints += [f"line {line['line']}, {k}: {line[k]}" for k in wrong]
            complaints += self.unexplained(failures, f"{line['input']['topic']}/")
        return complaints

    def _expected(self, right: Mapping[str, Any], line: Mapping[str, Any]) -> dict[str, Any]:
        """Compute what a line should say from the fault-free one and from what had failed."""
        same = {"input": right["input"]}
        action, failures = self.decided.get(right["input"]["topic"], ("retry", {}))
        if action == "retry":
            failures = line["failures"]
            if len(failures) > MOST_MISSING:
                return {**same, "status": "paused"}
        if action == "abort":
            return {**same, "failures": failures, "status": "aborted", "output": {}}
        kit = {k: v for k, v in right["output"]["kit"].items() if k not in failures}
        status = "partial" if failures else "complete"
        output = {**right["output"], "kit": kit}
        return {**same, "failures": failures, "status": status, "output": output}

    def aggregated_once(self, result: Any) -> bool:
        """Compare the aggregators that were committed with those that are due."""
        due = Counter(line["input"]["topic"] for line in result if line["status"] != "aborted")
        said = Counter({f"{topic}/aggregate": number for topic, number in due.items()})
        return due == self.kept.aggregated and said == completions(self.history)
