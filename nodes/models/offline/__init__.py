"""A chat model without a network: it works on the words that it is given, and says when it cannot.

Summaries are sentences of the text, key terms are counted, scores are measured, answers are quoted
or calculated. It knows nothing of the world and does not pretend to. It is deterministic: equal
messages and settings give equal answers.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableSequence
from pydantic import BaseModel

from nodes.models.offline import filling, writing
from nodes.models.offline.prompt import Prompt, read

CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text; the usage that is reported is counted by it."""
FIRST_TOKEN = 0.3
"""The share of the latency that passes before the first token."""
MOST_CHUNKS = 32


class OfflineModel(BaseChatModel):
    """The model that answers where no key and no endpoint are set."""

    model_name: str = "offline"
    latency: float = 0.0
    """Seconds for an answer, more or less: each prompt has its own within 15 %."""
    temperature: float | None = None
    """Another temperature chooses other words."""
    asked_as: str | None = None
    """The model it stands in for; another one chooses other words."""
    cache: Any = False

    @property
    def _llm_type(self) -> str:
        return "offline"

    def with_structured_output(
        self, schema: dict[str, Any] | type[BaseModel], **_: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Answer with values of a pydantic model, or with dicts for a JSON schema."""
        parser: Any
        if isinstance(schema, dict):
            wanted, parser = schema, JsonOutputParser()
        else:
            wanted, parser = (
                schema.model_json_schema(),
                PydanticOutputParser(pydantic_object=schema),
            )
        asked = self.bind(response_format={"json_schema": {"schema": wanted}})
        return RunnableSequence(asked, parser)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        prompt, text = self._answer(messages, kwargs)
        time.sleep(self._seconds(prompt))
        return _result(messages, text)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        prompt, text = self._answer(messages, kwargs)
        await asyncio.sleep(self._seconds(prompt))
        return _result(messages, text)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        prompt, text = self._answer(messages, kwargs)
        seconds = self._seconds(prompt)
        pieces = _pieces(text)
        await asyncio.sleep(seconds * FIRST_TOKEN)
        for number, piece in enumerate(pieces, start=1):
            message = AIMessageChunk(content=piece)
            if number == len(pieces):
                message.usage_metadata = _usage(messages, text)
                message.response_metadata = dict(_METADATA)
                message.chunk_position = "last"
            chunk = ChatGenerationChunk(message=message)
            if run_manager:
                await run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
            if number < len(pieces) and seconds:
                await asyncio.sleep(seconds * (1 - FIRST_TOKEN) / (len(pieces) - 1))

    def _answer(self, messages: list[BaseMessage], options: dict[str, Any]) -> tuple[Prompt, str]:
        wanted = options.get("response_format") or {}
        schema = wanted.get("json_schema", {}).get("schema")
        prompt = read(messages, (self.temperature, self.asked_as))
        return prompt, filling.fill(prompt, schema) if schema else writing.write(prompt)

    def _seconds(self, prompt: Prompt) -> float:
        return self.latency * (0.85 + 0.3 * (prompt.seed % 1000) / 999)


_METADATA = {"model_name": "offline", "finish_reason": "stop"}


def _result(messages: Sequence[BaseMessage], text: str) -> ChatResult:
    message = AIMessage(
        content=text,
        usage_metadata=_usage(messages, text),
        response_metadata=dict(_METADATA),
    )
    return ChatResult(generations=[ChatGeneration(message=message)])


def _usage(messages: Sequence[BaseMessage], text: str) -> UsageMetadata:
    asked = sum(_tokens(str(message.text)) for message in messages)
    return UsageMetadata(
        input_tokens=asked, output_tokens=_tokens(text), total_tokens=asked + _tokens(text)
    )


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _pieces(text: str) -> list[str]:
    """Cut a text into at most MOST_CHUNKS pieces of whole words that join to it again."""
    parts = re.findall(r"^\s+|\S+\s*", text) or [text]
    size = -(-len(parts) // MOST_CHUNKS)
    return ["".join(parts[start : start + size]) for start in range(0, len(parts), size)]
