"""What a running node can find out about where its state is kept."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_config

CHECKPOINTER_KEY = "__pregel_checkpointer"
"""LangGraph keeps this name to itself; tests/graphs/test_langgraph.py holds that it is right."""


def current_checkpointer() -> BaseCheckpointSaver[Any] | None:
    """Return the saver that the present run writes to; None in a run that keeps nothing.

    `execution_info.thread_id` does not tell: it is also set in runs without a checkpointer.
    """
    found = get_config().get("configurable", {}).get(CHECKPOINTER_KEY)
    return found if isinstance(found, BaseCheckpointSaver) else None
