"""Check an input against its schema, and say in one sentence what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import Any, NotRequired, get_origin

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import TypeAdapter, ValidationError
from typing_extensions import get_type_hints

_serializer = JsonPlusSerializer()


class InputError(ValueError):
    """The input does not fit the workflow's schema; nothing was started."""


def check_input(workflow: str, schema: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the coerced input with every field of the schema, absent ones as None.

    None counts as absent: LangGraph keeps a field's old value on a reused thread when the field
    is not sent, so "absent" must be something that can be sent.
    """
    fields = field_names(schema)
    if unknown := [name for name in values if name not in fields]:
        raise InputError(f"{workflow}: {_unknown(unknown[0], fields)}")
    given = {name: value for name, value in values.items() if value is not None}
    try:
        clean = _adapter(schema).validate_python(given)
    except ValidationError as error:
        raise InputError(f"{workflow}: {_sentence(error)}") from None
    for name in _required(schema):
        if isinstance(clean[name], str) and clean[name].isspace():
            raise InputError(f"{workflow}: the input field {name!r} is wrong: it is blank")
    _check_storable(workflow, clean)
    return {name: clean.get(name) for name in fields}


@cache
def field_names(schema: type) -> tuple[str, ...]:
    """List a schema's fields in the order of their declaration."""
    return tuple(get_type_hints(schema))


@cache
def _required(schema: type) -> tuple[str, ...]:
    optional: Any = NotRequired
    hints = get_type_hints(schema, include_extras=True)
    return tuple(name for name, hint in hints.items() if get_origin(hint) is not optional)


@cache
def _adapter(schema: type) -> TypeAdapter[Any]:
    return TypeAdapter(schema)


def _check_storable(workflow: str, values: Mapping[str, Any]) -> None:
    """Refuse now what a checkpoint cannot hold: else the run would end, and be paid, in vain."""
    for name, value in values.items():
        try:
            # Within the state, a message and a checkpoint it lies some levels deeper.
            _serializer.dumps_typed([[[[[[[[value]]]]]]]])
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(
                f"{workflow}: the input field {name!r} cannot be kept: {error}"
            ) from None


def _unknown(name: str, fields: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, fields, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(fields)}"
    return f"there is no input field {name!r}; {hint}"


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"])) or "the input"
    if first["type"] == "missing":
        return f"the input field {where!r} is missing"
    message = first["msg"].removeprefix("Value error, ")
    return f"the input field {where!r} is wrong: {message} (got {_short(first['input'])})"


def _short(value: Any, width: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= width else f"{text[:width]}... ({len(text)} characters)"
