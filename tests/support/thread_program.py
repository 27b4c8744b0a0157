"""A program that works on one thread of a toy workflow, so that a test can kill it.

    python -m support.thread_program DB THREAD LOG '{"do": "run", "broken": ["b"], ...}'

It appends the name of each function to LOG when the function starts and `NAME done` when it is
about to return, and prints what came out as JSON. The workflow has the branches a, b and two
(steps s1 and s2), or with `items` that many items.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path
from typing import Any

from langgraph.types import Command
from support.toys import ToyState, ToyWrites, context, count_out, fan, mapping, on

from graphs.builders import QuorumNotMet
from state import open_checkpointer


def log(line: str) -> None:
    """Append a line; small appends are atomic."""
    with Path(sys.argv[3]).open("a") as file:
        file.write(line + "\n")


def working(name: str, order: dict[str, Any]) -> Any:
    """Return a branch function that fails or hangs as ordered."""

    async def work(state: ToyState) -> ToyWrites:
        await _do(name, order)
        return {"out": [name], "top": -1.0, "by_name": {name: state["x"]}}

    work.__name__ = name
    return work


async def _do(name: str, order: dict[str, Any]) -> None:
    log(name)
    if longest := order.get("pause_ms"):
        chance = random.Random(f"{order.get('seed')} {name}")
        await asyncio.sleep(chance.uniform(0, longest) / 1000)
    if name in order.get("hang", ()):
        await asyncio.Event().wait()
    if name in order.get("broken", ()):
        raise ValueError(f"{name} is broken")
    log(f"{name} done")


def declared(order: dict[str, Any]) -> Any:
    """Declare the workflow that the order asks for."""
    options = {k: order[k] for k in ("quorum", "on_shortfall", "chunk_size") if k in order}

    async def aggregate(state: ToyState) -> dict[str, Any]:
        log("aggregate")
        counted = await count_out(state)
        log("aggregate done")
        return counted

    options["aggregator"] = aggregate
    if "items" in order:

        async def item(number: int) -> ToyWrites:
            await _do(str(number), order)
            return {"out": [str(number)], "top": -1.0}

        return mapping(item, **options)
    one, other = working("a", order), working("b", order)
    steps = [working("s1", order), working("s2", order)]
    return fan({"a": one, "b": other, "two": steps}, **options)


async def main() -> dict[str, Any]:
    """Do what is ordered; return what came of it."""
    db, thread, _, text = sys.argv[1:]
    order = json.loads(text)
    workflow, config = declared(order), on(thread)
    limit = context(order["max_parallel"]) if "max_parallel" in order else None
    async with open_checkpointer(db) as saver:
        graph = workflow.compile(checkpointer=saver)
        match order["do"]:
            case "run":
                payload: Any = {"x": order.get("items", 1)}
            case "continue":
                payload = None
            case "again":
                payload = workflow.again((await graph.aget_state(config)).values)
            case action:
                payload = Command(resume={"action": action})
        try:
            result = await graph.ainvoke(payload, config, context=limit, version="v2")
        except QuorumNotMet as error:
            return {"raised": str(error)}
        values = dict(result.value)
        return {**values, "paused": [question.value for question in result.interrupts]}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main())))
