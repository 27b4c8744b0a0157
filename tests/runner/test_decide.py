"""What a thread's state means for the one who resumes it."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from support.toys import Bench, fan, on

from runner.decide import Decision, next_payload, refuse_unfinished
from runner.errors import BadInput
from runner.report import status_of


class Dying(InMemorySaver):
    """Keeps what the branches write, and not the checkpoint that follows."""

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, versions: Any) -> Any:
        if metadata["step"] == 2:
            raise OSError("killed")
        return await super().aput(config, checkpoint, metadata, versions)


async def test_a_run_killed_after_its_last_branch_is_not_taken_for_finished() -> None:
    bench = Bench()
    workflow = fan({name: bench.branch(name) for name in "abc"})
    saver = Dying()
    with pytest.raises(OSError, match="killed"):
        await workflow.compile(checkpointer=saver).ainvoke({"x": 1, "note": None}, on("t"))
    saver.__class__ = InMemorySaver  # what the next process finds
    graph = workflow.compile(checkpointer=saver)
    snapshot = await graph.aget_state(on("t"))
    assert snapshot.next == ()  # which is why it is not asked
    assert status_of(snapshot) == "failed"
    with pytest.raises(BadInput, match="has not finished"):
        refuse_unfinished("t", snapshot)
    payload = next_payload(workflow, "t", snapshot, Decision())
    assert payload is None
    await graph.ainvoke(payload, on("t"))
    ended = await graph.aget_state(on("t"))
    assert status_of(ended) == "complete"
    assert next_payload(workflow, "t", ended, Decision()) == "nothing"
    assert bench.calls == {"a": 1, "b": 1, "c": 1}
