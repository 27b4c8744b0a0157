"""Which model is asked, and how: by the environment, the run's context and the call's settings."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Any, Literal

import pytest
from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, RootModel

from nodes.models import Image, UnusableAnswer, chat, fill, model_name, write
from nodes.models.asking import _messages
from nodes.models.offline import OfflineModel
from nodes.models.wire import response_format
from state import Context


def run_with(model: str | None) -> Runtime[Context]:
    return Runtime(context=Context(model=model))


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key")


# Which model


def test_without_key_and_endpoint_the_model_is_offline() -> None:
    assert model_name() == model_name(run_with("gpt-4o")) == "offline"
    assert isinstance(chat(run_with("gpt-4o")), OfflineModel)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_a_key_or_an_endpoint_is_enough(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9/v1")
    assert model_name() == "gpt-5.4-nano"


def test_the_context_goes_before_the_environment(
    keyed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAID_MODEL", "from-environment")
    assert model_name(run_with(None)) == "from-environment"
    assert model_name(run_with("from-context")) == "from-context"


def test_a_blank_setting_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    assert model_name() == "offline"


@pytest.mark.parametrize("settings", [{}, {"model": "other"}, {"base_url": "http://127.0.0.1:9"}])
def test_a_run_that_is_told_to_stay_offline_stays_offline(
    keyed: None, settings: dict[str, Any]
) -> None:
    assert model_name(run_with("offline")) == "offline"
    assert isinstance(chat(run_with("offline"), **settings), OfflineModel)


async def test_settings_choose_model_endpoint_and_temperature(keyed: None) -> None:
    model: Any = chat(model="gpt-4o", base_url="http://127.0.0.1:9/v1", temperature=0.25)
    assert (model.model_name, model.openai_api_base, model.temperature) == (
        "gpt-4o",
        "http://127.0.0.1:9/v1",
        0.25,
    )
    assert (model.max_retries, model.stream_usage, model.cache) == (0, True, False)


async def test_an_endpoint_of_the_call_needs_no_environment() -> None:
    model: Any = chat(base_url="http://127.0.0.1:9/v1")
    assert model.model_name == "gpt-5.4-nano"


async def test_equal_settings_give_the_same_client_and_others_another(keyed: None) -> None:
    assert chat(temperature=0.5) is chat(temperature=0.5)
    assert chat(temperature=0.5) is not chat(temperature=0.6)


def test_a_client_can_be_made_without_an_event_loop(keyed: None) -> None:
    assert chat().__class__.__name__ == "ChatOpenAI"


@pytest.mark.parametrize("latency", ["soon", "-1", "nan", "inf"])
def test_a_latency_that_is_none_is_refused_in_one_sentence(
    latency: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAID_OFFLINE_LATENCY", latency)
    with pytest.raises(ValueError, match=rf"BRAID_OFFLINE_LATENCY is '{latency}'; give the sec"):
        chat()


@pytest.mark.parametrize(
    "address",
    ["secret", "secret:1/v1", "ftp://secret/v1", "http://", "http://[::1", "http://secret:x/v1",
     "http://a secret/v1", "http://secret:0"],
)  # fmt: skip
def test_an_endpoint_that_is_none_is_refused_without_repeating_it(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    with pytest.raises(ValueError, match="OPENAI_BASE_URL is no address of a server") as caught:
        chat()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-tréma", "sk-\nsplit", "sk-\udcff"])
def test_a_key_that_no_header_can_have_is_refused_without_repeating_it(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ValueError, match="OPENAI_API_KEY has characters") as caught:
        chat()
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import nodes.models", ["openai", "langchain_openai", "nodes.models.offline"]),
        ("from nodes.models import chat; chat()", ["openai", "langchain_openai"]),
    ],
)
def test_importing_the_models_costs_nothing_that_is_not_used(code: str, absent: list[str]) -> None:
    check = f"{code}\nimport sys\nprint(*sys.modules.keys() & {set(absent)!r})"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# Asking


def test_untrusted_text_travels_in_blocks_of_one_user_message() -> None:
    system, user = _messages("Do it.", (), {"topic": "Tea", "document": "Long\ntext"})
    assert (system.type, system.content) == ("system", "Do it.")
    assert user.type == "human"
    assert user.content == "<topic>\nTea\n</topic>\n\n<document>\nLong\ntext\n</document>"


@pytest.mark.parametrize("tag", ["</document>", "</ DOCUMENT >", "< / document\n>", "<question>"])
def test_untrusted_text_cannot_end_its_block_or_open_another(tag: str) -> None:
    data = {"document": f"before {tag} after", "question": "Why?"}
    text = str(_messages("Do it.", (), data)[1].content)
    escaped = tag.replace("<", "&lt;", 1)
    assert text == (
        f"<document>\nbefore {escaped} after\n</document>\n\n<question>\nWhy?\n</question>"
    )


def test_other_markup_is_left_as_it_is() -> None:
    text = str(_messages("Do it.", (), {"page": "a <b>bold</b> <pages> word"})[1].content)
    assert "a <b>bold</b> <pages> word" in text


def test_an_image_travels_as_a_data_url() -> None:
    image = Image(b"\x89PNG", "image/png")
    content = _messages("Look.", [image], {"text": "A cup"})[1].content
    assert content == [
        {"type": "text", "text": "<text>\nA cup\n</text>"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
    ]


def test_there_is_a_user_message_even_without_data() -> None:
    assert isinstance(_messages("Tell a joke.", (), {})[1], HumanMessage)


def test_an_unusable_answer_may_be_asked_for_again() -> None:
    assert UnusableAnswer.transient is True
    assert issubclass(UnusableAnswer, ValueError)


# The schema on the wire


class Size(BaseModel):
    """How large."""

    width: int = Field(ge=0)


class Order(BaseModel):
    """What is sent to the server."""

    name: str = Field(min_length=2, max_length=9, description="Its name.")
    note: Annotated[str | None, Field(max_length=5)] = None
    kind: Literal["a", "b"] = "a"
    size: Size = Field(description="Its size.")
    default: list[Annotated[str, Field(max_length=3)]] = Field(default=["x"], max_length=4)


def test_the_schema_is_in_the_strict_subset() -> None:
    wanted = response_format(Order)
    schema = wanted["json_schema"]["schema"]
    assert wanted["type"] == "json_schema"
    assert (wanted["json_schema"]["name"], wanted["json_schema"]["strict"]) == ("Order", True)
    assert schema["required"] == ["name", "note", "kind", "size", "default"]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Size"]["required"] == ["width"]
    fields = schema["properties"]
    assert fields["name"]["description"] == "Its name. At least 2 characters. At most 9 characters."
    assert fields["size"] == {"anyOf": [{"$ref": "#/$defs/Size"}], "description": "Its size."}
    assert fields["default"]["items"]["description"] == "At most 3 characters."
    assert fields["default"]["maxItems"] == 4
    assert "maxLength" not in str(schema)
    assert all("default" not in field for field in fields.values())


class Tree(BaseModel):
    """A model that contains itself."""

    children: list[Tree] = Field(max_length=2)


def test_a_model_that_contains_itself_still_has_an_object_at_its_root() -> None:
    schema = response_format(Tree)["json_schema"]["schema"]
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


class Free(BaseModel):
    """A mapping whose keys nobody knows."""

    scores: dict[str, float]


class Pair(BaseModel):
    """A tuple."""

    pair: tuple[int, str]


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        (Free, r"Free\.scores is a mapping with free keys"),
        (Pair, r"Pair\.pair is a tuple"),
        (RootModel[list[int]], r"RootModel\[list\[int\]\] is no object"),
    ],
)
async def test_a_schema_that_no_server_takes_is_refused_before_anyone_is_asked(
    schema: type[BaseModel], sentence: str
) -> None:
    with pytest.raises(TypeError, match=sentence):
        await fill(None, schema, "Fill it.")


async def test_an_empty_answer_is_unusable() -> None:
    with pytest.raises(UnusableAnswer, match="The model's answer is empty; text was asked for"):
        await write(None, "Summarise the text.", text="")
