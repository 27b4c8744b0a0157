"""The report of a run that was cut off tells of that run, wherever it was cut off."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from support.toys import Bench, fan, on

from runner.report import conclude


class Mortal(InMemorySaver):
    """Fails when it has kept so many checkpoints; what tasks write is always kept."""

    def __init__(self) -> None:
        super().__init__()
        self.left = [1_000]  # LangGraph copies a saver; the copies share this

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, versions: Any) -> Any:
        self.left[0] -= 1
        if self.left[0] < 0:
            raise OSError("killed")
        return await super().aput(config, checkpoint, metadata, versions)


@pytest.mark.parametrize("life", range(1, 6))
async def test_a_run_that_was_cut_off_tells_of_no_earlier_run(life: int) -> None:
    bench, saver = Bench(), Mortal()
    workflow = fan({name: bench.branch(name) for name in "abc"}, quorum=2)
    graph = workflow.compile(checkpointer=saver)

    def report(snapshot: Any) -> Any:
        return conclude(workflow, "t", snapshot, model="m", now=None, prices={}).report

    bench.broken = {"a"}
    await graph.ainvoke({"x": 1, "note": None}, on("t"))
    assert report(await graph.aget_state(on("t")))["failures"].keys() == {"a"}
    bench.broken, saver.left[0] = {"b"}, life
    with pytest.raises(OSError, match="killed"):
        await graph.ainvoke({"x": 2, "note": None}, on("t"), durability="sync")
    told = report(await graph.aget_state(on("t")))
    assert (told["status"], told["output"]) == ("failed", {})
    assert told["failures"].keys() <= {"b"}
    attempts = {branch["name"]: branch["attempts"] for branch in told["timing"]["branches"]}
    assert attempts.items() <= {"a": 1, "b": 2, "c": 1}.items()
    saver.left[0] = 1_000
    await graph.ainvoke(None, on("t"))
    assert report(await graph.aget_state(on("t")))["failures"].keys() == {"b"}
    assert bench.calls == {"a": 3, "b": 3, "c": 2}
