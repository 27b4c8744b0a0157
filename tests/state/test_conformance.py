"""LangGraph's own suite for checkpointers, in full."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES

from state import open_checkpointer


async def test_the_checkpointer_has_every_capability_and_passes(database: str) -> None:
    async def fresh() -> AsyncGenerator[BaseCheckpointSaver[Any], None]:
        async with open_checkpointer(database) as saver:
            yield saver

    report = await validate(checkpointer_test(name=database)(fresh))

    assert report.results.keys() == {capability.value for capability in ALL_CAPABILITIES}
    for name, result in report.results.items():
        assert result.passed, (name, result.failures)
