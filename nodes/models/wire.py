"""Put a pydantic model into the words of OpenAI's structured output."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_UNKNOWN = frozenset(
    {"default", "examples", "uniqueItems", "discriminator", "minLength", "maxLength"}
)
"""What pydantic writes and the strict subset does not know; the answer is validated with it."""


@cache
def response_format(schema: type[BaseModel]) -> Schema:
    """Return the `response_format` that makes a server answer with this model's JSON.

    Strict mode knows a subset of JSON Schema: every field required, no other ones, no free-form
    mappings, no lengths of strings (https://platform.openai.com/docs/guides/structured-outputs).
    A length is put into the field's description instead. Raises TypeError for a model that the
    subset cannot express.
    """
    root = schema.model_json_schema()
    if "$ref" in root:  # a model that contains itself
        root = {**root["$defs"][root["$ref"].rpartition("/")[2]], "$defs": root["$defs"]}
    if root.get("type") != "object":
        raise TypeError(f"{schema.__name__} is no object, as structured output must be; wrap it.")
    name = re.sub(r"\W+", "_", schema.__name__)[:64]
    strict = _strict(root, schema.__name__)
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "schema": strict, "strict": True},
    }


def _strict(node: Schema, where: str) -> Schema:
    """Rewrite one schema and those below it; `where` names it in an error."""
    strict = {key: value for key, value in node.items() if key not in _UNKNOWN}
    if description := _description(node):
        strict["description"] = description
    for key in ("properties", "$defs"):
        if key in node:
            strict[key] = {k: _strict(v, f"{where}.{k}") for k, v in node[key].items()}
    if "items" in node:
        strict["items"] = _strict(node["items"], f"{where}[]")
    if variants := strict.pop("oneOf", None) or strict.get("anyOf"):
        strict["anyOf"] = [_strict(each, where) for each in variants]
    if "$ref" in node and strict.keys() - {"$ref", "$defs"}:
        # A reference may have nothing beside it, so its description goes around it.
        strict["anyOf"] = [{"$ref": strict.pop("$ref")}]
    if node.get("type") == "object":
        if "properties" not in node and node.get("additionalProperties", True):
            raise TypeError(
                f"{where} is a mapping with free keys, which structured output cannot express;"
                " use a list of objects."
            )
        strict["additionalProperties"] = False
        strict["required"] = list(node.get("properties", {}))
    if "prefixItems" in node:
        raise TypeError(f"{where} is a tuple, which structured output cannot express; use fields.")
    return strict


def _description(node: Schema) -> str:
    said = node.get("description", "").strip()
    lengths = [
        f"At {bound} {node[key]} characters."
        for key, bound in (("minLength", "least"), ("maxLength", "most"))
        if key in node
    ]
    return " ".join([said, *lengths]).strip()
