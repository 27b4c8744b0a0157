"""Typed schemas: what goes into a workflow, what it keeps, what comes out, and where it is kept."""

from state.parallel import Context, Failure, ParallelState, Span, Status, Usage

__all__ = ["Context", "Failure", "ParallelState", "Span", "Status", "Usage"]
