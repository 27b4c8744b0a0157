"""Count what the models of one branch were asked for and what they used."""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook

from state import Usage


class Meter(BaseCallbackHandler):
    """Adds up model calls and tokens, per model, and notes when the first token came."""

    run_inline = True
    ignore_chain = True
    ignore_retriever = True
    ignore_agent = True
    ignore_custom_event = True

    def __init__(self) -> None:
        # Made with the first call, which most of many thousand items never make.
        self.usage: dict[str, Usage] | None = None
        self.first_token: float | None = None
        self._running: dict[UUID, Usage] | None = None

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: Any,
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Count a call under the name of the model that was asked."""
        model = str((metadata or {}).get("ls_model_name") or "unknown")
        if self.usage is None or self._running is None:
            self.usage, self._running = {}, {}
        usage = self.usage.setdefault(model, {"calls": 0, "input": 0, "output": 0})
        usage["calls"] += 1
        self._running[run_id] = usage

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        """Note the moment of the first token."""
        if self.first_token is None:
            self.first_token = time.time()

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """Add the tokens that the answer says it used."""
        usage = (self._running or {}).pop(run_id, None)
        for generation in response.generations[0] if response.generations else ():
            if usage is not None and isinstance(generation, ChatGeneration):
                read, written = _tokens(generation)
                usage["input"] += read
                usage["output"] += written


def _tokens(generation: ChatGeneration) -> tuple[int, int]:
    """Return the tokens that an answer says it took in and gave out."""
    message = generation.message
    if isinstance(message, AIMessage) and message.usage_metadata:
        return message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]
    # langchain-openai finds no usage in a streamed structured answer whose server repeats the
    # role in every chunk, as Ollama does; what the server said is in the generation's info.
    said = (generation.generation_info or {}).get("token_usage") or {}
    return int(said.get("prompt_tokens") or 0), int(said.get("completion_tokens") or 0)


current_meter: ContextVar[Meter | None] = ContextVar("braid_meter", default=None)
# LangChain looks the variable up when a model is called, so a branch without one pays nothing.
# A workflow that runs inside an aggregator inherits the aggregator's meter beside its own.
register_configure_hook(current_meter, inheritable=True)
