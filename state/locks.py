"""One driver per thread: two processes must not run the same thread at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from state.database import MEMORY, UnusableDatabase, check_place, locate, postgres_extra


class ThreadBusy(RuntimeError):
    """Another process, or another task of this one, is driving the thread."""


@asynccontextmanager
async def hold_thread(url: str | Path | None, thread_id: str) -> AsyncIterator[None]:
    """Keep everybody else from driving the thread; raise ThreadBusy at once if somebody does.

    `url` is what `open_checkpointer` takes. The lock is free again when the holder ends, however
    it ends. On SQLite it is a lock on a file in `<database>.locks/`, on PostgreSQL one of the
    server's; what lives in memory is nobody else's anyway.
    """
    database = locate(url)
    if database == MEMORY:
        yield
    elif isinstance(database, Path):
        with _locked(database, thread_id):
            yield
    else:
        with postgres_extra():
            from state.postgres import hold
        async with hold(database, f"thread {thread_id}") as free:
            if not free:
                raise _busy(thread_id)
            yield


@contextmanager
def _locked(database: Path, thread_id: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    check_place(database)
    directory = Path(f"{database.resolve()}.locks")
    name = sha256(thread_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    lock = FileLock(directory / f"{name}.lock", blocking=False, thread_local=False)
    try:
        directory.mkdir(exist_ok=True)
        lock.acquire()
    except Timeout:
        raise _busy(thread_id) from None
    except OSError as error:
        raise UnusableDatabase(
            f"Threads cannot be locked in {directory}, which must be writable: {error.strerror}."
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            # Still held: whoever opened this file before finds out that it is gone.
            Path(lock.lock_file).unlink()
        lock.release()


def _busy(thread_id: str) -> ThreadBusy:
    return ThreadBusy(
        f"Thread {thread_id!r} is being worked on by another process: wait for it, or end it."
    )
