"""What a decision, or the lack of one, means for a thread in the state it is in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langgraph.types import Command, StateSnapshot

from graphs.builders import Workflow
from runner.errors import BadInput
from runner.report import Question, offered, unfinished
from runner.words import plain

Kind = Literal["go on", "retry", "accept", "abort", "answer"]
Payload = Mapping[str, Any] | Command[Any] | None
"""What a graph is sent: an input, an answer, or None to go on."""


@dataclass(frozen=True)
class Decision:
    """What `braid resume` was told to do; by default to go on."""

    kind: Kind = "go on"
    answer: Any = None
    """Only of kind "answer": to the workflow's own question."""


def next_payload(
    workflow: Workflow, thread_id: str, snapshot: StateSnapshot, decision: Decision
) -> Payload | Literal["nothing"]:
    """Return what to send to the graph; "nothing" when the thread has ended.

    Raises BadInput where the decision does not fit.
    """
    if snapshot.interrupts:
        return Command(resume=_answers(thread_id, snapshot, decision))
    if decision.kind in ("accept", "abort", "answer"):
        raise BadInput(f"Thread {thread_id} is not paused, so there is nothing to {decision.kind}.")
    if unfinished(snapshot):
        return None
    if decision.kind == "retry":
        return workflow.again(snapshot.values) or "nothing"
    return "nothing"


def asks_again(payload: Payload, questions: Sequence[Question]) -> bool:
    """Tell whether a question that was answered is still open: the answer did not fit it."""
    answers = payload.resume if isinstance(payload, Command) else None
    return isinstance(answers, Mapping) and any(asked["id"] in answers for asked in questions)


def refuse_unfinished(thread_id: str, snapshot: StateSnapshot) -> None:
    """Raise BadInput unless the thread can take a new input."""
    if snapshot.interrupts:
        raise BadInput(
            f"Thread {thread_id} is paused; `braid resume {thread_id}` answers it, "
            "and a new input needs another --thread."
        )
    if unfinished(snapshot):
        raise BadInput(
            f"Thread {thread_id} has not finished; `braid resume {thread_id}` goes on with it, "
            "and a new input needs another --thread."
        )


def _answers(thread_id: str, snapshot: StateSnapshot, decision: Decision) -> dict[str, Any]:
    """Return the answers by interrupt id, the one form that LangGraph takes in every case."""
    questions = {interrupt.id: interrupt.value for interrupt in snapshot.interrupts}
    first = snapshot.interrupts[0]
    if choices := offered(first.value):
        return {first.id: {"action": _choice(thread_id, choices, decision)}}
    if decision.kind != "answer":
        asked = "; ".join(_in_short(question) for question in questions.values())
        raise BadInput(f"Thread {thread_id} waits for --answer JSON to its question: {asked}")
    answer = decision.answer
    if isinstance(answer, Mapping) and answer and answer.keys() <= questions.keys():
        return dict(answer)
    if len(questions) > 1:
        raise BadInput(
            f"Thread {thread_id} asks {len(questions)} questions; answer them by id: "
            f"--answer '{json.dumps(dict.fromkeys(questions, '...'))}'."
        )
    return {first.id: answer}


def _in_short(question: Any) -> str:
    if isinstance(question, Mapping) and "reason" in question:
        question = question["reason"]
    return plain(question)


def _choice(thread_id: str, choices: Sequence[str], decision: Decision) -> str:
    choice: Any = "retry" if decision.kind == "go on" else decision.kind
    if decision.kind == "answer":
        choice = decision.answer.get("action") if isinstance(decision.answer, Mapping) else None
    if choice not in choices:
        ways = " or ".join(f"--{way}" for way in choices)
        raise BadInput(f"Thread {thread_id} waits for a decision: {ways}.")
    return str(choice)
