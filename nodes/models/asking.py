"""Ask a chat model for text, or for a value of a pydantic model."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, ValidationError

from nodes.models.choosing import chat
from nodes.models.wire import response_format

if TYPE_CHECKING:
    from langgraph.runtime import Runtime

    from state import Context

ModelT = TypeVar("ModelT", bound=BaseModel)

LONGEST_QUOTE = 200
"""Characters of a model's own words that an error may repeat."""

_STOPPED = {
    "LengthFinishReasonError": "was cut off at the token limit",
    "ContentFilterFinishReasonError": "was stopped by the provider's content filter",
}
"""The client's own exceptions, by name: importing them takes a second, also offline."""

_MISREAD = (AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What the client raises over a reply of status 200 that is not what the protocol says."""


class UnusableAnswer(ValueError):
    """A model answered, but not with what was asked for; another attempt may."""

    transient = True


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for a model that can see."""

    data: bytes
    mime: str
    """Such as `image/png`."""

    def block(self) -> dict[str, Any]:
        """Return the picture as the content block of a chat message."""
        encoded = base64.b64encode(self.data).decode("ascii")
        return {"type": "image_url", "image_url": {"url": f"data:{self.mime};base64,{encoded}"}}


async def write(
    runtime: Runtime[Context] | None,
    instructions: str,
    /,
    *,
    settings: Mapping[str, Any] | None = None,
    images: Sequence[Image] = (),
    **untrusted: str,
) -> str:
    """Ask for text and return it, stripped.

    Every keyword of one's own becomes a block of the user message, `topic="Rivers"` becomes
    `<topic>`, so the instructions can name it. `settings` are those of `chat`. Raises
    UnusableAnswer when the model refuses or says nothing.
    """
    answer = await _ask(runtime, _messages(instructions, images, untrusted), settings)
    return _words(answer, "text")


async def fill(
    runtime: Runtime[Context] | None,
    schema: type[ModelT],
    instructions: str,
    /,
    *,
    settings: Mapping[str, Any] | None = None,
    images: Sequence[Image] = (),
    **untrusted: str,
) -> ModelT:
    """Ask for a value of a pydantic model, by OpenAI's structured output, and validate it.

    Takes what `write` takes. Raises UnusableAnswer when the model refuses, is cut off, or answers
    with something that is not valid for the schema; TypeError for a schema that structured output
    cannot express.
    """
    wanted = response_format(schema)
    messages = _messages(instructions, images, untrusted)
    answer = await _ask(runtime, messages, settings, response_format=wanted)
    text = _unfenced(_words(answer, schema.__name__))
    try:
        return schema.model_validate_json(text)
    except ValidationError as error:
        raise UnusableAnswer(
            f"The model's answer is not a valid {schema.__name__}: {_complaint(error)}"
        ) from None


def _messages(
    instructions: str, images: Sequence[Image], untrusted: Mapping[str, str]
) -> list[BaseMessage]:
    blocks = [
        f"<{name}>\n{_neutral(text, untrusted)}\n</{name}>" for name, text in untrusted.items()
    ]
    text = "\n\n".join(blocks)
    if not images:
        return [SystemMessage(instructions), HumanMessage(text or "Do as instructed.")]
    parts: list[str | dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    parts += [image.block() for image in images]
    return [SystemMessage(instructions), HumanMessage(parts)]


def _neutral(text: str, names: Mapping[str, str]) -> str:
    """Escape every tag of this message's own blocks, so that data cannot end or open one."""
    tags = "|".join(map(re.escape, names))
    return re.sub(rf"<(?=\s*/?\s*(?:{tags})\b)", "&lt;", text, flags=re.IGNORECASE)


async def _ask(
    runtime: Runtime[Context] | None,
    messages: list[BaseMessage],
    settings: Mapping[str, Any] | None,
    **options: Any,
) -> AIMessage:
    model = chat(runtime, **(settings or {}))
    try:
        return await model.ainvoke(messages, **options)
    except Exception as error:
        if (stopped := _STOPPED.get(type(error).__name__)) is not None:
            raise UnusableAnswer(f"The model's answer {stopped}.") from None
        if isinstance(error, _MISREAD) and "unexpected keyword" not in str(error):
            why = ": ".join(filter(None, (type(error).__name__, _short(str(error)))))
            raise UnusableAnswer(f"The server's reply is no chat completion ({why}).") from error
        raise


def _words(answer: AIMessage, wanted: str) -> str:
    if text := answer.text.strip():
        return text
    if refusal := answer.additional_kwargs.get("refusal"):
        raise UnusableAnswer(f"The model refused to give {wanted}: {_short(str(refusal))}")
    raise UnusableAnswer(f"The model's answer is empty; {wanted} was asked for.")


def _unfenced(text: str) -> str:
    """Take JSON out of the Markdown fence that servers without grammars put around it."""
    fenced = re.fullmatch(r"```(?:json)?\s*(.*?)\s*```", text, flags=re.DOTALL)
    return fenced[1] if fenced else text


def _complaint(error: ValidationError) -> str:
    first, *others = error.errors(include_url=False, include_input=False)
    where = ".".join(map(str, first["loc"]))
    more = f" (and {len(others)} more)" if others else ""
    return f"{where + ': ' if where else ''}{_short(first['msg'])}{more}."


def _short(text: str) -> str:
    from state.redaction import redacted  # takes a second, also offline

    text = redacted(text)  # before a key is cut in two
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]} ..."
