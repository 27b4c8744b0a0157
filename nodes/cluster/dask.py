"""On a Dask cluster, as its client.

The client has a thread with an event loop to itself, one for this process: an event loop that
ends, as in `asyncio.run`, would cut its connection off in mid-sentence.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import importlib
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nodes.cluster.sending import ClusterError, Name

SCHEDULER = "DASK_SCHEDULER"
CONNECT_TIMEOUT = 5.0
"""Seconds to reach the scheduler in."""

_clients: dict[str, asyncio.Task[Any]] = {}
_batches: dict[Any, _Batch] = {}
"""By client, what is about to be handed over."""


async def on_dask(address: str, name: Name, request: bytes) -> bytes:
    """Perform a request on a worker; raise ClusterError if the cluster fails, not the function."""
    if name[0] == "__main__":
        raise ImportError(
            f"{name[1]} is defined in the main program, which Dask's workers cannot import; "
            f"keep it in a module of nodes/"
        )
    return await asyncio.wrap_future(
        asyncio.run_coroutine_threadsafe(_submitted(address, name[1], request), _client_loop())
    )


@functools.cache
def _client_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="dask client", daemon=True).start()

    def disconnect() -> None:
        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(_disconnected(), loop).result(timeout=2)

    atexit.register(disconnect)
    return loop


@dataclass(eq=False, slots=True)
class _Batch:
    """What is handed to Dask in one message: by key, the requests and what Dask promises.

    In a message of its own, a small task takes Dask a third longer.
    """

    requests: dict[str, bytes] = field(default_factory=dict)
    futures: dict[str, Any] = field(default_factory=dict)


async def _submitted(address: str, name: str, request: bytes) -> bytes:
    client, key = await _client(address), f"{name}-{uuid.uuid4().hex}"
    batch = _batches.setdefault(client, _Batch())
    batch.requests[key] = request
    try:
        await asyncio.sleep(0)  # all that come while the loop turns go together
        if not batch.futures:
            _hand_over(batch, client)
        answer: bytes = await batch.futures[key]
    except asyncio.CancelledError:
        del batch.requests[key]
        if key in batch.futures:
            await batch.futures[key].cancel(force=True)
        raise
    except Exception as error:
        raise _explained(error, address, name) from error
    finally:
        if key in batch.futures:
            batch.futures[key].release()
    return answer


def _hand_over(batch: _Batch, client: Any) -> None:
    _batches.pop(client, None)
    keys, requests = list(batch.requests), list(batch.requests.values())
    futures = client.map(_sent_by_value(), requests, key=keys, pure=False)
    batch.futures.update(zip(keys, futures, strict=True))


def _explained(error: Exception, address: str, name: str) -> Exception:
    """Say in one sentence why a task did not come back; what the function raises does."""
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    if isinstance(error, KilledWorker):
        died = ClusterError(
            f"{name}: {error.allowed_failures + 1} Dask workers died while they ran it, the last "
            f"at {error.last_worker.address}"
        )
        died.transient = False  # that was tried often enough
        return died
    if isinstance(error, FutureCancelledError):
        return ClusterError(f"{name}: Dask's scheduler at {address} was lost")
    if isinstance(error, ImportError):
        return ImportError(
            f"{name}: a Dask worker of {address} cannot import nodes.cluster ({error}); install "
            f"the project, the same version of it, on every worker"
        )
    return error


async def _client(address: str) -> Any:
    """Return the one client of a scheduler; raise ClusterError when that is out of reach."""
    known = _clients.get(address)
    if known is None or (await _is_over(known) and _clients[address] is known):
        _clients[address] = asyncio.create_task(_connected(address))
    try:
        return await asyncio.shield(_clients[address])
    except ImportError:
        raise
    except Exception as error:  # out of reach, no address, no certificate
        raise ClusterError(
            f"no Dask scheduler answers at {address}, which {SCHEDULER} names: {error}"
        ) from error


async def _is_over(attempt: asyncio.Task[Any]) -> bool:
    """Tell whether a client was not to be had, or is gone; one that lost its scheduler seeks it."""
    if not attempt.done():
        return False
    if attempt.exception() is not None:
        return True
    while (client := attempt.result()).status == "connecting":  # noqa: ASYNC110 - has no event
        await asyncio.sleep(0.05)
    return bool(client.status != "running")


async def _connected(address: str) -> Any:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise ImportError(
            f"{SCHEDULER} is set but Dask is not installed: pip install 'langgraph-braid[dask]'"
        ) from error
    return await distributed.Client(
        address, asynchronous=True, set_as_default=False, timeout=CONNECT_TIMEOUT, name="braid"
    )


async def _disconnected() -> None:
    for attempt in _clients.values():
        if attempt.done() and not attempt.exception() and attempt.result().status == "running":
            await attempt.result().close()


@functools.cache
def _sent_by_value() -> Callable[[bytes], bytes]:
    """Return what to submit: a function that the scheduler can read without the project."""

    def run(request: bytes) -> bytes:
        from nodes.cluster.worker import perform_on_worker

        return perform_on_worker(request)

    return run
