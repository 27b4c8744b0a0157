"""Read a workflow's input from the command line, from files and from its example."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, get_args, get_origin

from runner.catalogue import home
from runner.errors import BadInput
from runner.words import plain

if TYPE_CHECKING:
    from graphs.builders import Workflow

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes of text that are read from one file."""

Values = dict[str, Any]


def read_input(workflow: Workflow, pairs: Sequence[str], document: str | None) -> Values:
    """Return the checked input: `key=value` and `key=@file` go before `--input`.

    The workflow's example when neither is given. Raises BadInput.
    """
    if not pairs and document is None:
        return check(workflow, example(workflow.name))
    values = {} if document is None else _read_document(document)
    return check(workflow, {**values, **_read_pairs(workflow, pairs)})


def check(workflow: Workflow, values: Mapping[str, Any]) -> Values:
    """Return the coerced input with every field, absent ones as None; raise BadInput."""
    from graphs.builders import InputError

    try:
        return workflow.check(values)
    except InputError as error:
        raise BadInput(str(error)) from None


def example(name: str) -> Values:
    """Return the workflow's own example input.

    In it a text that begins with "@" names a text file beside it, and one that begins with "./"
    a file or folder beside it.
    """
    path = example_file(name)
    if not path.exists():
        raise BadInput(f"{name} has no example; `braid show {name}` names the fields to give.")
    values = parse_object(read_text(path, str(path)), str(path))
    return {key: _beside(path.parent, value) for key, value in values.items()}


def example_file(name: str) -> Path:
    """Return where a workflow's example is, or would be."""
    return home() / "examples" / f"{name}.json"


def field_types(workflow: Workflow) -> dict[str, Any]:
    """Return the type of each input field, with its bounds and description."""
    from typing_extensions import get_type_hints

    optional: Any = NotRequired
    hints = get_type_hints(workflow.input, include_extras=True)
    return {
        name: get_args(hint)[0] if get_origin(hint) is optional else hint
        for name, hint in hints.items()
    }


def read_text(path: Path, where: str) -> str:
    """Return a file's UTF-8 text; `where` names it in the error. Raises BadInput."""
    where = plain(where)
    path = Path(os.path.expanduser(path))  # Path's own raises where there is no such user
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise BadInput(f"{where} is a folder or a device; name a text file.")
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise BadInput(f"{where}: there is no such file.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise BadInput(f"{where} cannot be read: {getattr(error, 'strerror', error)}.") from None
    if len(raw) > LARGEST_FILE:
        raise BadInput(f"{where} is larger than {LARGEST_FILE >> 20} MB.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{where} is not UTF-8 text (byte {error.start:,}).") from None
    if "\0" in text:
        raise BadInput(f"{where} is not text: it has NUL bytes.")
    return text


def parse_object(text: str, where: str) -> Values:
    """Return a JSON object; `where` names its place in the error. Raises BadInput."""
    value = parse_json(text, where)
    if not isinstance(value, dict):
        raise BadInput(f"{where} must be a JSON object, not {text.strip()[:40]!r}.")
    return value


def parse_json(text: str, where: str) -> Any:
    """Return a JSON value; `where` names its place in the error. Raises BadInput."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_each_key_once)
    except RecursionError:
        raise BadInput(f"{where} is nested too deeply.") from None
    except ValueError as error:
        # Python's advice about numbers of thousands of digits is for programmers.
        reason = str(error).partition(";")[0]
        raise BadInput(f"{where} is not valid JSON: {reason}.") from None


def _read_document(given: str) -> Values:
    if given.startswith("@"):
        where = given[1:] or given
        return parse_object(read_text(Path(given[1:]), where), where)
    return parse_object(given, "--input")


def _read_pairs(workflow: Workflow, pairs: Sequence[str]) -> Values:
    values: Values = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not (equals and key):
            raise BadInput(f"{plain(pair)!r} is not of the form key=value or key=@file.")
        if key in values:
            raise BadInput(f"{key!r} is given twice.")
        if text.startswith("@"):
            text = read_text(Path(text[1:]), pair)
        values[key] = _as_declared(workflow, key, text)
    return values


def _as_declared(workflow: Workflow, key: str, text: str) -> Any:
    """Return the text, or the JSON value in it where the field's type does not take text."""
    from pydantic import TypeAdapter, ValidationError

    hint = field_types(workflow).get(key)
    if hint is None:
        return text  # workflow.check says that there is no such field
    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    try:
        adapter.validate_python(text)
    except ValidationError as error:
        of_wrong_type = error.errors(include_url=False)[0]["type"].endswith("_type")
    else:
        return text
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        adapter.validate_python(value)
    except ValidationError:
        return value if of_wrong_type else text
    except (ValueError, RecursionError):
        return text
    return value


def _beside(folder: Path, value: Any) -> Any:
    match value:
        case str() if value.startswith("@"):
            return read_text(folder / value[1:], str(folder / value[1:]))
        case str() if value.startswith("./"):
            return str(folder / value[2:])
        case list():
            return [_beside(folder, each) for each in value]
        case dict():
            return {key: _beside(folder, each) for key, each in value.items()}
    return value


def _each_key_once(pairs: list[tuple[str, Any]]) -> Values:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(again, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"{again!r} is given twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
