"""Typed schemas: what goes into a workflow, what it keeps, what comes out, and where it is kept."""

from state.parallel import (
    Context,
    Failure,
    ParallelOutput,
    ParallelState,
    Span,
    Status,
    Usage,
)

__all__ = ["Context", "Failure", "ParallelOutput", "ParallelState", "Span", "Status", "Usage"]
