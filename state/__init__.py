"""Typed schemas: what goes into a workflow, what it keeps, what comes out, and where it is kept."""

from state.checkpointers import database_size, open_checkpointer
from state.database import Unreadable, UnusableDatabase
from state.locks import ThreadBusy, hold_thread
from state.parallel import (
    Context,
    Failure,
    ParallelOutput,
    ParallelState,
    Span,
    Status,
    Usage,
)
from state.running import current_checkpointer
from state.threads import ThreadInfo, forget, last_change, list_threads

__all__ = [
    "Context",
    "Failure",
    "ParallelOutput",
    "ParallelState",
    "Span",
    "Status",
    "ThreadBusy",
    "ThreadInfo",
    "Unreadable",
    "UnusableDatabase",
    "Usage",
    "current_checkpointer",
    "database_size",
    "forget",
    "hold_thread",
    "last_change",
    "list_threads",
    "open_checkpointer",
]
