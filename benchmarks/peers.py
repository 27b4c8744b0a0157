"""The same fan-out of n branches in Braid and in its peers, each as its own documentation has it.

Each peer is an async context manager: it sets up for n branches and yields what is to be timed.
"""

# No `from __future__ import annotations`: some peers read the annotations of local classes.

import asyncio
import itertools
import operator
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from typing_extensions import TypedDict

from benchmarks.measuring import Runs
from benchmarks.toys import WAIT, Done, mapping, on, three, wait
from state import open_checkpointer

Opened = AbstractAsyncContextManager[Runs]


@dataclass(frozen=True)
class Peer:
    """One way to run n branches."""

    name: str
    keeps: str
    """What a killed process finds again."""
    open: Callable[[int, Path], Opened]
    most: int = 20_000
    """The most branches that it is measured at: beyond, a run takes minutes."""
    apart: bool = False
    """Whether it keeps threads busy, which would disturb the others: then only beside gather."""


@asynccontextmanager
async def gather(n: int, folder: Path) -> AsyncIterator[Runs]:
    """Wait with asyncio alone: the limit on one machine."""

    async def run() -> int:
        return len(await asyncio.gather(*(wait(number) for number in range(n))))

    yield run


@asynccontextmanager
async def braid(
    n: int, folder: Path, *, kept: bool = True, chunk_size: int | None = None
) -> AsyncIterator[Runs]:
    """Run three branches as a FanOut, more as a MapReduce."""
    workflow = three() if n == 3 and chunk_size is None else mapping(chunk_size=chunk_size)
    threads = itertools.count()
    async with open_checkpointer(folder / f"braid-{n}-{chunk_size}.sqlite") as saver:
        graph = workflow.compile(checkpointer=saver) if kept else workflow.compile()

        async def run() -> int:
            result = await graph.ainvoke({"n": n}, on(next(threads)))
            return int(result["total"])

        yield run


class _Sum(TypedDict, total=False):
    n: int
    done: Annotated[list[int], operator.add]


def _hand_written() -> Any:
    """Wire a fan-out as LangGraph's documentation does, with Send."""

    async def work(state: dict[str, int]) -> Done:
        return await wait(state["number"])

    graph: Any = StateGraph(_Sum)
    graph.add_node("plan", lambda state: {})
    graph.add_node("work", work)
    graph.add_node("join", lambda state: {})
    graph.add_edge(START, "plan")
    graph.add_conditional_edges(
        "plan", lambda state: [Send("work", {"number": at}) for at in range(state["n"])], ["work"]
    )
    graph.add_edge("work", "join")
    graph.add_edge("join", END)
    return graph


@asynccontextmanager
async def langgraph(n: int, folder: Path, *, kept: bool = True) -> AsyncIterator[Runs]:
    """Run LangGraph by hand, with its own SQLite saver or with none."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    threads = itertools.count()
    async with AsyncSqliteSaver.from_conn_string(str(folder / f"langgraph-{n}.sqlite")) as saver:
        await saver.setup()
        graph = _hand_written().compile(checkpointer=saver if kept else None)

        async def run() -> int:
            return len((await graph.ainvoke({"n": n}, on(next(threads))))["done"])

        yield run


@asynccontextmanager
async def runnable_parallel(n: int, folder: Path) -> AsyncIterator[Runs]:
    """Run LangChain's RunnableParallel of n branches."""
    from langchain_core.runnables import RunnableLambda, RunnableParallel

    chain: Any = RunnableParallel({str(at): RunnableLambda(wait) for at in range(n)})

    async def run() -> int:
        return len(await chain.ainvoke(0))

    yield run


@asynccontextmanager
async def pydantic_graph(n: int, folder: Path) -> AsyncIterator[Runs]:
    """Run pydantic-graph's builder with a map and a join."""
    from pydantic_graph import GraphBuilder, StepContext, reduce_list_append

    builder = GraphBuilder(input_type=int, output_type=list[int])

    @builder.step
    async def plan(ctx: StepContext[None, None, int]) -> list[int]:  # type: ignore[type-arg]
        return list(range(ctx.inputs))

    @builder.step
    async def work(ctx: StepContext[None, None, int]) -> int:  # type: ignore[type-arg]
        await asyncio.sleep(WAIT)
        return ctx.inputs

    collect = builder.join(reduce_list_append, initial_factory=list[int])
    builder.add(
        builder.edge_from(builder.start_node).to(plan),
        builder.edge_from(plan).map().to(work),
        builder.edge_from(work).to(collect),
        builder.edge_from(collect).to(builder.end_node),
    )
    graph = builder.build()

    async def run() -> int:
        return len(await graph.run(inputs=n))

    yield run


@asynccontextmanager
async def llama_index_workflows(n: int, folder: Path) -> AsyncIterator[Runs]:
    """Run a llama-index workflow that sends n events and collects them."""
    from workflows import Context, Workflow, step
    from workflows.events import Event, StartEvent, StopEvent

    class Item(Event):
        number: int

    class Waited(Event):
        number: int

    class FanOut(Workflow):
        @step
        async def plan(self, ctx: Context, ev: StartEvent) -> Item | None:
            for number in range(n):
                ctx.send_event(Item(number=number))
            return None

        @step(num_workers=n)
        async def work(self, ev: Item) -> Waited:
            await asyncio.sleep(WAIT)
            return Waited(number=ev.number)

        @step
        async def collect(self, ctx: Context, ev: Waited) -> StopEvent | None:
            done = ctx.collect_events(ev, [Waited] * n)
            return None if done is None else StopEvent(result=len(done))

    fan_out = FanOut(timeout=None)

    async def run() -> int:
        return int(await fan_out.run())

    yield run


@asynccontextmanager
async def dbos(n: int, folder: Path) -> AsyncIterator[Runs]:
    """Run a DBOS workflow of n steps; its system database is a SQLite file."""
    from dbos import DBOS

    file = folder / f"dbos-{n}.sqlite"
    instance: Any = DBOS(
        config={
            "name": "measured",
            "system_database_url": f"sqlite:///{file}",
            "log_level": "ERROR",
        }
    )

    @DBOS.step()
    async def work(number: int) -> int:
        await asyncio.sleep(WAIT)
        return number

    @DBOS.workflow()
    async def fan_out(n: int) -> int:
        return len(await asyncio.gather(*(work(number) for number in range(n))))

    DBOS.launch()
    try:
        yield partial(fan_out, n)
    finally:
        del instance
        DBOS.destroy(destroy_registry=True)


@asynccontextmanager
async def dask(n: int, folder: Path) -> AsyncIterator[Runs]:
    """Run n tasks on one Dask worker process with as many slots."""
    import distributed

    client_of: Any = distributed.Client  # has no annotations
    cluster_of: Any = distributed.LocalCluster

    async with (
        cluster_of(
            n_workers=1,
            threads_per_worker=n,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            asynchronous=True,
        ) as cluster,
        client_of(cluster, asynchronous=True) as client,
    ):

        async def run() -> int:
            futures = client.map(wait, range(n), pure=False)
            return len(await client.gather(futures))

        yield run


NOTHING, FINISHED = "nothing", "finished branches"

PEERS = (
    Peer("asyncio.gather", NOTHING, gather),
    Peer("Braid, SQLite", FINISHED, braid),
    Peer("Braid, SQLite, chunk_size=1", FINISHED, partial(braid, chunk_size=1), 1_000),
    Peer("Braid, no checkpointer", NOTHING, partial(braid, kept=False)),
    Peer("LangGraph by hand, AsyncSqliteSaver", FINISHED, langgraph, 5_000),
    Peer("LangGraph by hand, no checkpointer", NOTHING, partial(langgraph, kept=False), 5_000),
    Peer("DBOS, SQLite", FINISHED, dbos, 1_000, apart=True),
    Peer("RunnableParallel", NOTHING, runnable_parallel, 5_000),
    Peer("pydantic-graph", NOTHING, pydantic_graph, 5_000),
    Peer("llama-index-workflows", NOTHING, llama_index_workflows, 1_000),
    Peer("Dask, one worker process", NOTHING, dask, 1_000, apart=True),
)
