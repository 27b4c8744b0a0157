"""Fill a JSON schema: every bound it states is kept, whatever there is to say.

Types, choices, lengths, numbers of items, least and greatest values are kept always; a `pattern`
where something in the prompt fits it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from nodes.models.offline.fields import (
    Field,
    Thing,
    choice_for,
    measure_for,
    missing,
    number_for,
    spare_things,
    text_for,
    things_for,
    truth_for,
)
from nodes.models.offline.prompt import Prompt, limits
from nodes.models.offline.text import shorten, words
from nodes.models.offline.writing import within

Schema = dict[str, Any]

_DEEPEST = 6
"""Levels of nesting below which only what must be there is filled in."""
_USUAL = 8
"""Items of a list where nothing says how many."""
_MANY = 30
"""Items of a list at most, where only the schema says how many there may be."""
_SHARES = r"confiden\w*|probabilit\w*|similar\w*|relevan\w*|share|ratio|weight|agreement"


def fill(prompt: Prompt, schema: Schema) -> str:
    """Return JSON that is valid for the schema and says what the prompt asks for."""
    return json.dumps(_Filler(schema).value(schema, Field(prompt), 0), ensure_ascii=False)


class _Filler:
    """Walks down a schema; holds the root, to which references point."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.single = len(self._resolved(root).get("properties", {})) == 1

    def value(self, schema: Schema, field: Field, depth: int) -> Any:
        """Return a value for one schema."""
        schema = self._resolved(schema)
        if field.name and "description" in schema:
            field = replace(field, description=schema["description"])
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return choice_for(field, schema["enum"])
        if variants := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            return self._variant(variants, field, depth)
        match schema.get("type", "object" if "properties" in schema else "string"):
            case "object":
                return self._object(schema, field, depth)
            case "array":
                return self._array(schema, field, depth)
            case "integer" | "number":
                return _number(schema, field)
            case "boolean":
                return truth_for(field)
            case "null":
                return None
            case list() as kinds:
                return self._variant([{**schema, "type": kind} for kind in kinds], field, depth)
        return _string(schema, field)

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            target: Any = self.root
            for step in schema["$ref"].lstrip("#/").split("/"):
                target = target[step] if step else target
            schema = {**target, **{key: v for key, v in schema.items() if key != "$ref"}}
        return schema

    def _variant(self, variants: list[Schema], field: Field, depth: int) -> Any:
        """Fill the first variant; null, where that is one, when there is nothing to say."""
        full = [each for each in variants if self._resolved(each).get("type") != "null"]
        if not full or (len(full) < len(variants) and (depth > _DEEPEST or missing(field))):
            return None
        return self.value(full[0], field, depth)

    def _object(self, schema: Schema, field: Field, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        choices = [self._resolved(each).get("enum", ()) for each in properties.values()]
        field = replace(
            field,
            description="",
            alone=self.single,
            beside=tuple(str(choice) for each in choices for choice in each),
        )
        return {
            name: self.value(each, replace(field, name=name), depth + 1)
            for name, each in properties.items()
            if depth <= _DEEPEST or name in schema.get("required", ())
        }

    def _array(self, schema: Schema, field: Field, depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self.value(each, field, depth + 1) for each in schema["prefixItems"]]
        items = self._resolved(schema.get("items", {}))
        low, high = _how_many(schema, field)
        if depth > _DEEPEST:
            high = low
        found, spare = things_for(field), spare_things(field)

        def made(things: Iterator[Thing]) -> Iterator[Any]:
            for thing in things:
                if not _is_text(items):
                    yield self.value(items, field.about(thing), depth + 1)
                elif (text := _fitted(thing.text, items, field)) is not None:
                    yield text

        return _take(made(found), made(spare), low, high)


def _take(found: Iterator[Any], spare: Iterator[Any], low: int, high: int) -> list[Any]:
    """Take at most `high` different values, and at least `low`, if need be from the spare ones."""
    taken = _different(islice(found, 10 * high), high)
    if len(taken) < low:
        taken = _different(chain(taken, islice(spare, 10 * low)), low)
    repeated = chain.from_iterable(taken for _ in range(low))
    return taken + list(islice(repeated, low - len(taken))) if len(taken) < low else taken


def _different(values: Iterable[Any], most: int) -> list[Any]:
    seen: dict[str, Any] = {}
    for value in values:
        if len(seen) == most:
            break
        seen.setdefault(json.dumps(value, sort_keys=True).lower(), value)
    return list(seen.values())


def _how_many(schema: Schema, field: Field) -> tuple[int, int]:
    """Decide how few and how many items: by the schema, the description, the instructions."""
    nouns = "|".join([re.escape(field.called), *map(re.escape, words(field.called)), "items"])
    low, high = limits(field.description, f"{nouns}|entries")
    if (low, high) == (None, None):
        low, high = field.prompt.limits(nouns)
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    usual = _USUAL if most == math.inf else _MANY
    high = min(most, max(usual if high is None else high, least))
    return min(max(least, low or 0), high), high


def _is_text(schema: Schema) -> bool:
    return schema.get("type", "string") == "string" and not schema.keys() & {
        "anyOf",
        "const",
        "enum",
        "oneOf",
    }


def _string(schema: Schema, field: Field) -> str:
    text = text_for(field)
    if field.alone and field.thing is None:
        text = within(text, field.prompt.instructions)
    fitted = _fitted(text, schema, field)
    return text if fitted is None else fitted


def _fitted(text: str, schema: Schema, field: Field) -> str | None:
    """Fit a text to the lengths that the schema or its description names.

    None when it does not fit the schema's pattern and no word of the prompt does.
    """
    if (pattern := schema.get("pattern")) and re.search(pattern, text) is None:
        candidates = (text.replace(" ", ""), *field.prompt.material.split())
        found = next((each for each in candidates if re.search(pattern, each)), None)
        if found is None:
            return None
        text = found
    low, high = limits(schema.get("description") or field.description, "characters?")
    most = schema.get("maxLength", high)
    text = shorten(text, most) if most is not None else text
    return _lengthened(text, schema.get("minLength", low or 0), field.prompt.topic or "more")


def _lengthened(text: str, least: int, filler: str) -> str:
    if len(text) >= least:
        return text
    longer = " ".join([text, *[filler] * (least // len(filler) + 1)]).strip()[:least]
    return longer.rstrip().ljust(least, ".")


def _number(schema: Schema, field: Field) -> float | int:
    value = number_for(field)
    if value is None:
        low, high = _scale(schema, field)
        value = low + measure_for(field) * (high - low)
    return _whole(value, schema) if schema["type"] == "integer" else _real(value, schema)


def _scale(schema: Schema, field: Field) -> tuple[float, float]:
    """Return the scale to measure on: the schema's, the one described, else 0 to 1 or to 10."""
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None:
        for text in (field.description, field.prompt.instructions):
            said = re.search(r"(?<![\d.])(-?\d+(?:\.\d+)?)\s*(?:to|and|[-–])\s*(\d+)", text)  # noqa: RUF001
            if said:
                return float(said[1]), float(said[2])
        if re.search("sentiment|polarity", field.called):
            return -1.0, 1.0
    span = 1.0 if schema["type"] == "number" and re.search(_SHARES, field.called) else 10.0
    if low is None:
        low = 0.0 if high is None or high > 0 else high - span
    return low, high if high is not None else low + span


def _whole(value: float, schema: Schema) -> int:
    """Bring a number within an integer's bounds; bounds of any size are met exactly."""
    step = int(schema.get("multipleOf", 1))
    steps = round(value / step)
    if "maximum" in schema:
        steps = min(steps, math.floor(schema["maximum"]) // step)
    if "exclusiveMaximum" in schema:
        steps = min(steps, (math.ceil(schema["exclusiveMaximum"]) - 1) // step)
    if "minimum" in schema:
        steps = max(steps, -(-math.ceil(schema["minimum"]) // step))
    if "exclusiveMinimum" in schema:
        steps = max(steps, -(-(math.floor(schema["exclusiveMinimum"]) + 1) // step))
    return steps * step


def _real(value: float, schema: Schema) -> float:
    """Bring a number within its bounds, rounded to two places or to its step."""
    low = max(
        schema.get("minimum", -math.inf),
        math.nextafter(schema.get("exclusiveMinimum", -math.inf), math.inf),
    )
    high = min(
        schema.get("maximum", math.inf),
        math.nextafter(schema.get("exclusiveMaximum", math.inf), -math.inf),
    )
    value = min(max(value if math.isfinite(value) else 0.0, low), high)
    step = schema.get("multipleOf")
    rounded = step * round(value / step) if step else round(value, 2)
    if step and rounded > high:
        rounded -= step
    if step and rounded < low:
        rounded += step
    return float(rounded) if low <= rounded <= high else value
