"""A driver that a test can kill: a MapReduce of `compute`, two at a time, on one thread.

    python -m support.cluster_program DB run|continue '[{"name": "0", "log": ...}, ...]'

It prints what came out as JSON. With DASK_SCHEDULER set the items run there.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from support.cluster_jobs import compute
from support.toys import mapping, on

from state import open_checkpointer


async def main(db: str, do: str, orders: str) -> Any:
    """Run the workflow, or go on with it; return its output."""
    items = {order["name"]: order for order in json.loads(orders)}
    workflow = mapping(compute, split=lambda state: items, chunk_size=1, max_parallel=2)
    async with open_checkpointer(db) as saver:
        graph = workflow.compile(checkpointer=saver)
        return await graph.ainvoke({"x": 0} if do == "run" else None, on("t"))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
