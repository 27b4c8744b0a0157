"""What a user may write as input, and what is said when it cannot be used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, NotRequired

import pytest
from pydantic import Field
from typing_extensions import TypedDict

from graphs.builders import FanOut
from runner import catalogue
from runner.errors import BadInput
from runner.inputs import check, example, read_input
from state import ParallelState


class Given(TypedDict):
    text: Annotated[str, Field(max_length=20)]
    number: NotRequired[Annotated[int, Field(ge=1, le=9)]]
    ratio: NotRequired[float]
    words: NotRequired[list[str]]
    either: NotRequired[list[str] | str]


async def work(state: Any) -> dict[str, Any]:
    return {}


WORKFLOW = FanOut(
    name="toy",
    input=Given,
    state=ParallelState,
    output=ParallelState,
    branches={"one": work},
    aggregator=work,
)


def read(*pairs: str, document: str | None = None) -> dict[str, Any]:
    values = read_input(WORKFLOW, pairs, document)
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("number=3", 3),
        ("ratio=0.5", 0.5),
        ('words=["a", "b"]', ["a", "b"]),
        ('either=["a"]', '["a"]'),
        ("text=12", "12"),
        ("text=a=b", "a=b"),
        ("text=", ""),
        ('text={"a": 1}', '{"a": 1}'),
    ],
)
def test_a_value_is_read_as_its_field_is_declared(pair: str, value: Any) -> None:
    pairs = [pair] if pair.startswith("text") else [pair, "text=x"]
    assert read(*pairs)[pair.partition("=")[0]] == value


def test_a_file_gives_its_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffÄ\n".encode())
    assert read(f"text=@{tmp_path}/a.txt") == {"text": "Ä\n"}


def test_pairs_go_before_the_document(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('{"text": "from the file", "number": 2}')
    assert read("text=x", document=f"@{tmp_path}/in.json") == {"text": "x", "number": 2}
    assert read(document='{"text": "x"}') == {"text": "x"}


def test_fields_that_are_not_given_are_none() -> None:
    assert read_input(WORKFLOW, ["text=x"], None)["words"] is None


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        (["text"], "'text' is not of the form key=value"),
        (["=x"], "is not of the form key=value"),
        (["text=a", "text=b"], "'text' is given twice"),
        (["txt=a"], "did you mean 'text'"),
        (["number=3"], "'text' is missing"),
        (["text=x", "number=10"], "less than or equal to 9"),
        (["text=x", "number=many"], "valid integer"),
        (["text=" + "x" * 21], "at most 20 characters"),
        (["text=" + "1" * 21], "at most 20 characters"),
        (["text=x", "words=a"], "valid list"),
        (["text=x", "words=[1]"], r"'words\.0'"),
        (["text=@nowhere.txt"], "text=@nowhere.txt: there is no such file"),
        (["text=@."], "is a folder or a device"),
        (["text=@/dev/zero"], "is a folder or a device"),
        (["text=@a\0b"], "cannot be read"),
        (["text=@~nobody-of-that-name"], "there is no such file"),
        (["text= \n"], "'text' is wrong: it is blank"),
        (["text=@"], "text=@ is a folder or a device"),
        (["\udcff=x"], "no input field"),
        (["text=\udcff"], "unable to parse raw data as a unicode string"),
    ],
)
def test_bad_pairs_get_one_sentence(pairs: list[str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as caught:
        read(*pairs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("{", "--input is not valid JSON"),
        ("[1]", "must be a JSON object"),
        ('{"text": NaN}', "NaN is not JSON"),
        ('{"text": "\\ud800"}', "unable to parse raw data as a unicode string"),
        ("[" * 100_000, "--input is nested too deeply"),
        ('{"text": "a", "text": "b"}', "'text' is given twice"),
        ('{"number": ' + "9" * 5_000 + "}", r"Exceeds the limit \(4300 digits\).* 5000 digits\.$"),
        ("null", "must be a JSON object"),
        ("", "is not valid JSON"),
        ("@", "^@ is a folder"),
        ("@~nobody-of-that-name/in.json", "there is no such file"),
        ('{"text": {"__overwrite__": "x"}}', r"'text' is wrong: .* \(got {'__overwrite__': 'x'}\)"),
        ('{"text": "x", "__overwrite__": {}}', "no input field '__overwrite__'"),
        ('{"lc": 1, "type": "constructor", "id": [], "kwargs": {}}', "no input field 'lc'"),
        ("@nowhere.json", "nowhere.json: there is no such file"),
        ('{"text": 5}', "valid string"),
    ],
)
def test_bad_documents_get_one_sentence(document: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(document=document)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"a\0b", "it has NUL bytes"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "is not UTF-8 text"),
    ],
)
def test_a_binary_file_is_refused(tmp_path: Path, raw: bytes, sentence: str) -> None:
    (tmp_path / "file").write_bytes(raw)
    with pytest.raises(BadInput, match=sentence):
        read(f"text=@{tmp_path}/file")


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"piped")
    os.close(writing)
    try:
        assert read(f"text=@/dev/fd/{reading}") == {"text": "piped"}
    finally:
        os.close(reading)


def test_every_example_fits_its_workflow() -> None:
    for entry in catalogue.entries():
        workflow = catalogue.load(entry.name)
        assert check(workflow, example(entry.name))
