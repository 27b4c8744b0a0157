"""What goes from process to process: a call, and what came of it.

Both are bytes, so that neither Dask nor a pipe looks into them, and an exception that does not
survive pickling breaks nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import pickle
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")
Name = tuple[str, str]
"""The module and the qualified name under which a function is found in another process."""

marked: dict[Name, Callable[[Any], Any]] = {}
"""The functions that may be called from another process."""


class ClusterError(ConnectionError):
    """The place where a function was to run has failed, not the function."""

    transient = True
    """Whether another attempt may succeed, as the default retry policy reads it."""


def packed(name: Name, argument: Any) -> bytes:
    """Write down a call; raise TypeError for an argument that cannot be pickled."""
    try:
        return pickle.dumps((name, pickle.dumps(argument)))
    except Exception as error:
        raise TypeError(f"{name[1]} cannot be sent what it is called with: {error}") from error


def unpacked(answer: bytes) -> Any:
    """Return what a call returned, or raise what it raised."""
    value, error = pickle.loads(answer)
    if error is not None:
        raise error
    return value


def perform(request: bytes) -> bytes:
    """Run in another process what `packed` wrote down there; return what `unpacked` reads."""
    (module, qualname), argument = pickle.loads(request)
    try:
        function = _find(module, qualname)
        value = function(pickle.loads(argument))
        if inspect.isawaitable(value):
            value = asyncio.run(_awaited(value))
    except BaseException as error:
        return packed_error(error)
    try:
        return pickle.dumps((value, None))
    except Exception as error:
        return packed_error(TypeError(f"{qualname} returned what cannot be sent back: {error}"))


def _find(module: str, qualname: str) -> Callable[[Any], Any]:
    # multiprocessing imports the main program under another name.
    place = "__mp_main__" if module == "__main__" else module
    try:
        importlib.import_module(place)
        return marked[place, qualname]
    except (ImportError, KeyError) as error:
        raise ImportError(
            f"{qualname} is not to be had from the module {module!r} where it is to run "
            f"({type(error).__name__}: {error}); keep it in a module of nodes/, and install the "
            f"project, the same version of it, on every worker"
        ) from error


async def _awaited(value: Awaitable[ResultT]) -> ResultT:
    waiting = asyncio.ensure_future(value)
    while not waiting.done():  # wakes up now and then, for a worker that wants to stop its thread
        await asyncio.wait({waiting}, timeout=0.1)
    return waiting.result()


def packed_error(error: BaseException) -> bytes:
    """Pickle an exception so that it can be read again, as like itself as can be."""
    told = f"{type(error).__name__}: {error}"
    error.add_note("".join(traceback.format_exception(error)).rstrip())
    stand_in = RuntimeError(told)
    if isinstance(error, Exception):  # SystemExit and the like are not to end the driver
        for form in (_Form(error), _FormWithoutInit(error)):
            with contextlib.suppress(Exception):
                answer = pickle.dumps((None, form))
                _, read = pickle.loads(answer)
                if type(read) is type(error) and str(read) == str(error):
                    return answer
    stand_in.__notes__ = error.__notes__
    return pickle.dumps((None, stand_in))


class _Form:
    """An exception as pickle has it by itself; Dask changes how all exceptions are pickled."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __reduce__(self) -> str | tuple[Any, ...]:
        return self.error.__reduce__()


class _FormWithoutInit(_Form):
    """The same for an exception whose `__init__` wants something else than its `args`."""

    def __reduce__(self) -> tuple[Any, ...]:
        attributes = {k: v for k, v in vars(self.error).items() if _can_be_pickled(v)}
        return _rebuild, (type(self.error), self.error.args, attributes)


def _rebuild(kind: type[Exception], args: tuple[Any, ...], attributes: dict[str, Any]) -> Exception:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


def _can_be_pickled(value: Any) -> bool:
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:
        return False
    return True
