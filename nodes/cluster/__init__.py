"""Where CPU-bound functions run: on a Dask cluster, or on the cores of this machine.

    @on_cluster
    def fingerprint(item: Item) -> Fingerprinted: ...

`fingerprint` is now an async branch like any other. With DASK_SCHEDULER set each call is a task
of that cluster; without, a plain function runs in a process of its own beside this one, and an
async function runs here. docs/dask.md tells how to start a cluster and what it may be trusted with.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from nodes.cluster.dask import SCHEDULER, on_dask
from nodes.cluster.processes import in_process
from nodes.cluster.sending import ClusterError, Name, marked, packed, unpacked

__all__ = ["ClusterError", "on_cluster"]

ArgumentT = TypeVar("ArgumentT")
ResultT = TypeVar("ResultT")


def on_cluster(
    function: Callable[[ArgumentT], ResultT | Awaitable[ResultT]],
) -> Callable[[ArgumentT], Coroutine[Any, Any, ResultT]]:
    """Make a branch or worker of a CPU-bound function: `def` or `async def`, of one argument.

    The function stands at the top of a module that the workers can import. Its argument and what
    it returns are pickled. An exception arrives with its own type and message, and with the
    traceback from over there as a note. Raises TypeError for any other function.
    """
    name = _name(function)
    marked[name] = function
    runs_here = inspect.iscoroutinefunction(function)

    @functools.wraps(function)
    async def branch(argument: ArgumentT) -> ResultT:
        address = os.environ.get(SCHEDULER)
        if runs_here and not address:
            return await cast(Awaitable[ResultT], function(argument))
        request = packed(name, argument)
        answer = await (on_dask(address, name, request) if address else in_process(request))
        result: ResultT = unpacked(answer)
        return result

    return branch


def _name(function: Callable[..., Any]) -> Name:
    """Return a function's name; refuse what another process could not find or call."""
    if not inspect.isfunction(function) or "<" in function.__qualname__:
        raise TypeError(
            f"on_cluster: {getattr(function, '__qualname__', repr(function))} cannot be found from "
            f"another process; give a function that is defined with a name at the top of a module"
        )
    if len(inspect.signature(function).parameters) != 1:
        raise TypeError(
            f"on_cluster: {function.__qualname__} must take one argument, the state or the "
            f"payload; the runtime cannot be sent to another process"
        )
    return function.__module__, function.__qualname__
