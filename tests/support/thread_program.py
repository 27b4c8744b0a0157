"""A program that works on one thread of a toy workflow, so that a test can kill it.

    python -m support.thread_program DB THREAD LOG '{"do": "run", "broken": ["b"], ...}'

Its functions keep LOG (`support.work_log`), and it prints what came out as JSON. The workflow has
the branches a, b and two (steps s1 and s2), with `branches` those named, or with `items` that many
items.

With `ask` every function asks the model that the environment names, over HTTP, for its result:
half of them for a text, half for a value of a schema; with `stream` the answers are streamed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import BaseModel
from support.toys import ToyState, ToyWrites, context, count_out, fan, mapping, numbers, on
from support.work_log import begin, done

from graphs.builders import QuorumNotMet
from graphs.retry import RETRY, transient
from nodes.models import chat, fill, write
from state import Context, open_checkpointer

WORK = "Do this piece of work with what is given."
STRUCTURED = ("b", "d", "s2", "aggregate")
"""What is asked for as a value of a schema, beside the items of odd number."""
SOON = RETRY._replace(initial_interval=0.01)
"""The retries of a workflow that asks a model."""


class Made(BaseModel):
    """What a model makes of a piece of work."""

    made: str


async def ask(name: str, runtime: Runtime[Context], given: str = "") -> str:
    """Have the model make something of a piece of work and of what is given."""
    if name in STRUCTURED or (name.isdigit() and int(name) % 2):
        return (await fill(runtime, Made, WORK, work=name, given=given)).made
    return await write(runtime, WORK, work=name, given=given)


def given_to_aggregate(made: dict[str, str]) -> str:
    """Put the results into one text, whatever their order."""
    return json.dumps(made, sort_keys=True)


def working(name: str, order: dict[str, Any]) -> Any:
    """Return a branch function that fails or hangs as ordered."""

    async def work(state: ToyState, runtime: Runtime[Context]) -> ToyWrites:
        given = state.get("by_name", {}).get("s1", "") if name == "s2" else ""
        made = await _do(name, order, runtime, given)
        return {"out": [name], "top": -1.0, "by_name": {name: made or state["x"]}}

    work.__name__ = name
    return work


async def _do(name: str, order: dict[str, Any], runtime: Runtime[Context], given: str = "") -> str:
    begin(sys.argv[3], name)
    if name in order.get("hang", ()):
        await asyncio.Event().wait()
    if name in order.get("broken", ()):
        raise ValueError(f"{name} is broken")
    made = await ask(name, runtime, given) if order.get("ask") else ""
    done(sys.argv[3], name)
    return made


def declared(order: dict[str, Any]) -> Any:
    """Declare the workflow that the order asks for."""
    names = ("quorum", "on_shortfall", "chunk_size", "timeout")
    options = {name: order[name] for name in names if name in order}
    if order.get("ask"):
        options["retry"] = SOON

    async def aggregate(state: ToyState, runtime: Runtime[Context]) -> dict[str, Any]:
        given = given_to_aggregate(state.get("by_name", {})) if order.get("ask") else ""
        made = await _do("aggregate", order, runtime, given)
        return await count_out(state) | ({"by_name": {"aggregate": made}} if made else {})

    options["aggregator"] = aggregate
    if "items" in order:
        return _map(order, options)
    if "branches" in order:
        return fan({name: working(name, order) for name in order["branches"]}, **options)
    one, other = working("a", order), working("b", order)
    steps = [working("s1", order), working("s2", order)]
    return fan({"a": one, "b": other, "two": steps}, **options)


def _map(order: dict[str, Any], options: dict[str, Any]) -> Any:
    async def item(number: int, runtime: Runtime[Context]) -> ToyWrites:
        name = str(number)
        made = await _do(name, order, runtime)
        return {"out": [name], "top": -1.0, **({"by_name": {name: made}} if made else {})}

    async def plan(state: ToyState, runtime: Runtime[Context]) -> dict[str, int]:
        await _do("split", order, runtime)
        return numbers(state)

    return mapping(item, **options, **({"split": plan} if order.get("ask") else {}))


async def advance(graph: Any, payload: Any, order: dict[str, Any]) -> dict[str, Any]:
    """Run until the workflow ends or pauses; return its output and its questions."""
    config = on(sys.argv[2])
    limit = context(order["max_parallel"]) if "max_parallel" in order else None
    if order.get("stream"):
        modes = ["custom", "messages"]
        streamed = graph.astream(payload, config, context=limit, stream_mode=modes, subgraphs=True)
        async for _ in streamed:
            pass
        result = await graph.aget_state(config)
        values = result.values
    else:
        result = await graph.ainvoke(payload, config, context=limit, version="v2")
        values = result.value
    return {**values, "paused": [question.value for question in result.interrupts]}


async def main() -> dict[str, Any]:
    """Do what is ordered; return what came of it."""
    db, thread, _, text = sys.argv[1:]
    order = json.loads(text)
    workflow = declared(order)
    if order.get("ask"):
        chat()  # so that the client's imports take no time of a branch
    if order.get("stream"):
        import openai.resources.beta.beta  # noqa: F401 - the client imports it at first use
    async with open_checkpointer(db) as saver:
        graph = workflow.compile(checkpointer=saver)
        match order["do"]:
            case "run":
                payload: Any = {"x": order.get("items", 1)}
            case "continue":
                payload = None
            case "again":
                payload = workflow.again((await graph.aget_state(on(thread))).values)
            case action:
                payload = Command(resume={"action": action})
        try:
            return await advance(graph, payload, order)
        except Exception as error:
            # The final error of split or of the aggregator is raised: to continue is to ask again.
            if isinstance(error, QuorumNotMet) or (order.get("ask") and transient(error)):
                return {"raised": str(error)}
            raise


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main())))
