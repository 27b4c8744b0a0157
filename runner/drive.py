"""Start a workflow on a thread, and go on with a thread that has not finished."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import StateSnapshot, StreamMode
from pydantic import ValidationError

from graphs.builders import Workflow
from nodes.models import chat, model_name
from runner import catalogue
from runner.brake import Brake
from runner.decide import Decision, Payload, asks_again, next_payload, refuse_unfinished
from runner.errors import BadInput
from runner.report import Ended, conclude, spans_of
from runner.settings import Settings
from runner.timing import Prices
from state import Context, Span, hold_thread, open_checkpointer


@dataclass(frozen=True)
class Watch:
    """Who is told of a run while it goes on."""

    event: Callable[[Mapping[str, Any]], None]
    """Called when an attempt starts or ends."""
    tokens: Callable[[str, int], None] | None = None
    """Called with a branch or item and the tokens it just received. None: nobody looks."""


NOBODY = Watch(event=lambda _: None)
Show = Callable[[Workflow, Sequence[Span]], AbstractContextManager[Watch]]
"""Shows a run of the workflow while the context lasts; the spans are what is already done."""


@dataclass(frozen=True)
class Thread:
    """A workflow on one thread of an open database."""

    workflow: Workflow
    thread_id: str
    graph: CompiledStateGraph[Any, Context, Any, Any]
    max_parallel: int | None = None
    prices: Prices = field(default_factory=dict)

    async def snapshot(self) -> StateSnapshot:
        """Return what the thread holds."""
        return await self.graph.aget_state(address(self.thread_id))

    async def kept(self) -> Ended:
        """Tell how the thread's last run ended."""
        snapshot = await self.snapshot()
        model = dict(snapshot.metadata or {}).get("model") or model_name()
        return conclude(
            self.workflow, self.thread_id, snapshot, model=str(model), now=None, prices=self.prices
        )

    async def advance(self, payload: Payload, brake: Brake, watch: Watch) -> Ended:
        """Run until the workflow ends, pauses, fails or is stopped, and tell how."""
        if watch.tokens is not None:
            _prepare_streaming()
        error: Exception | None = None
        began = time.time()
        try:
            await brake.run(lambda control: self._stream(payload, control, watch))
        except Exception as raised:
            error = raised
        ended = time.time()
        return conclude(
            self.workflow,
            self.thread_id,
            await self.snapshot(),
            model=model_name(),
            now=(began, ended),
            prices=self.prices,
            error=error,
        )

    async def _stream(self, payload: Payload, control: RunControl, watch: Watch) -> None:
        modes: list[StreamMode] = ["custom"] if watch.tokens is None else ["custom", "messages"]
        stream = self.graph.astream(
            payload,
            {**address(self.thread_id), "metadata": self._metadata()},
            context=Context(max_parallel=self.max_parallel),
            stream_mode=modes,
            subgraphs=True,
            durability="async",
            control=control,
        )
        async for _, mode, data in stream:
            if mode == "messages":
                _pass_on_token(data, watch)
            elif isinstance(data, Mapping) and "braid" in data:
                watch.event(data)

    def _metadata(self) -> dict[str, Any]:
        """Return what a later `resume` must know of this run; never a secret."""
        told: dict[str, Any] = {"workflow": self.workflow.name, "model": model_name()}
        return told if self.max_parallel is None else {**told, "max_parallel": self.max_parallel}


async def run(
    workflow: Workflow,
    values: Mapping[str, Any],
    thread_id: str,
    settings: Settings,
    brake: Brake,
    show: Show,
    max_parallel: int | None = None,
) -> Ended:
    """Give a thread a checked input; refuse a thread that is another's or has not finished."""
    build_model()
    async with opened(settings, thread_id) as saver:
        metadata = await metadata_of(saver, thread_id)
        if metadata is not None and owner(metadata) != workflow.name:
            raise BadInput(
                f"Thread {thread_id} belongs to {owner(metadata)}; {workflow.name} needs another."
            )
        graph = workflow.compile(checkpointer=saver)
        thread = Thread(workflow, thread_id, graph, max_parallel, settings.prices)
        refuse_unfinished(thread_id, await thread.snapshot())
        with show(workflow, ()) as watch:
            return await thread.advance(values, brake, watch)


async def resume(
    thread_id: str, decision: Decision, settings: Settings, brake: Brake, show: Show
) -> Ended:
    """Go on with a thread that was cut off, answer one that is paused, or tell how it ended."""
    async with opened(settings, thread_id) as saver:
        metadata = await metadata_of(saver, thread_id)
        if metadata is None:
            raise no_thread(thread_id)
        workflow = catalogue.load(owner(metadata))
        graph = workflow.compile(checkpointer=saver)
        limit = metadata.get("max_parallel")
        thread = Thread(workflow, thread_id, graph, limit, settings.prices)
        snapshot = await thread.snapshot()
        payload = next_payload(workflow, thread_id, snapshot, decision)
        if payload == "nothing":
            return await thread.kept()
        build_model()
        with show(workflow, spans_of(snapshot)) as watch:
            ended = await thread.advance(payload, brake, watch)
        if asks_again(payload, ended.report.get("interrupts", ())):
            why = _sentence(ended.error)
            raise BadInput(f"The answer does not fit what thread {thread_id} asks{why}.")
        return ended


@asynccontextmanager
async def opened(settings: Settings, thread_id: str) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """Open the database and keep everybody else from the thread."""
    async with (
        hold_thread(settings.database, thread_id),
        open_checkpointer(settings.database) as saver,
    ):
        yield saver


def build_model() -> None:
    """Build the model's client now, so that it takes no time of the first branch.

    Raises BadInput where a setting of the model makes no sense.
    """
    try:
        chat()
    except ValueError as error:
        raise BadInput(str(error)) from None


def _prepare_streaming() -> None:
    """Import now what would take a second of the first branch that streams structured output."""
    if model_name() != "offline":
        import openai.resources.beta.beta  # noqa: F401 - the client imports it at first use


def no_thread(thread_id: str) -> BadInput:
    """Return the error for a thread that the database does not have."""
    return BadInput(f"There is no thread {thread_id!r}; `braid threads` shows all.")


def owner(metadata: Mapping[str, Any]) -> str:
    """Name the workflow that a thread belongs to."""
    # A thread that began on the dev server names its graph instead.
    return str(metadata.get("workflow") or metadata.get("graph_id"))


def address(thread_id: str) -> RunnableConfig:
    """Return the config that leads to a thread."""
    return {"configurable": {"thread_id": thread_id}}


async def metadata_of(saver: BaseCheckpointSaver[Any], thread_id: str) -> Mapping[str, Any] | None:
    """Return what a thread's last run left about itself; None where there is no such thread."""
    found = await saver.aget_tuple(address(thread_id))
    return None if found is None else dict(found.metadata)


def _sentence(error: Exception | None) -> str:
    if not isinstance(error, ValidationError):
        return ""
    first = error.errors(include_url=False)[0]
    return "".join(f": {part}" for part in (*first["loc"], first["msg"]))


def _pass_on_token(data: Any, watch: Watch) -> None:
    message, metadata = data
    name = metadata.get("item") or metadata.get("branch")
    if watch.tokens is not None and name is not None and message.content:
        watch.tokens(str(name), 1)
