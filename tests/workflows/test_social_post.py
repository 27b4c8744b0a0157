"""`social_post`: text and image, each looked at if it is there."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.cli import Cli
from support.openai_server import OpenAIServer, Status
from support.workflows import EXAMPLES, invoke, run_example

from graphs.builders import InputError
from nodes import social_post

LABELS = {"sentiment": "sentiment", "keywords": "keywords", "objects": "objects", "scene": "scene"}
ANSWERS: dict[str, Any] = {
    "sentiment": {"label": "positive", "score": 0.8, "reason": "Happy heart."},
    "keywords": {"keywords": ["sunrise", "harbour", "sunrise"]},
    "objects": {"objects": ["boat", "sun"]},
    "scene": {"description": "A harbour at sunrise."},
}
HARBOUR = str(EXAMPLES / "harbour.png")


@pytest.fixture
def viewers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, ANSWERS
    return openai_server


async def test_text_and_image_are_analysed_side_by_side(viewers: OpenAIServer) -> None:
    analysis = (await invoke("social_post", text="Sunrise!", image=HARBOUR))["analysis"]
    assert analysis["text"]["sentiment"]["label"] == "positive"
    assert analysis["text"]["keywords"] == ["sunrise", "harbour"]
    assert analysis["image"]["objects"] == {"names": ["boat", "sun"]}
    assert analysis["image"]["scene"]["description"] == "A harbour at sunrise."
    assert analysis["missing"] == []
    [asked] = [asked for asked in viewers.asked if asked.label == "scene"]
    [block] = [b for b in asked.body["messages"][-1]["content"] if b["type"] == "image_url"]
    head, _, body = block["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == Path(HARBOUR).read_bytes()


@pytest.mark.parametrize(
    ("values", "asked", "absent"),
    [
        ({"text": "Sunrise!"}, {"sentiment", "keywords"}, "image"),
        ({"image": HARBOUR}, {"objects", "scene"}, "text"),
    ],
)
async def test_what_is_not_there_is_not_looked_at(
    viewers: OpenAIServer, values: dict[str, str], asked: set[str], absent: str
) -> None:
    result = await invoke("social_post", **values)
    assert set(viewers.counts) == asked
    assert result["analysis"][absent] is None
    assert result["status"] == "complete"


async def test_a_data_url_is_an_image_too(viewers: OpenAIServer) -> None:
    body = base64.b64encode(Path(HARBOUR).read_bytes()).decode()
    result = await invoke("social_post", image=f"data:image/png;base64,{body}")
    assert result["analysis"]["image"]["objects"]["names"] == ["boat", "sun"]


async def test_a_view_that_failed_is_named(viewers: OpenAIServer) -> None:
    viewers.script("scene", Status(400))
    result = await invoke("social_post", text="Sunrise!", image=HARBOUR)
    assert result["status"] == "partial"
    assert result["analysis"]["missing"] == ["scene"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "text.png").write_text("not an image at all")
    (tmp_path / "empty.png").touch()
    (tmp_path / "cut.png").write_bytes(Path(HARBOUR).read_bytes()[:900])
    Image.new("RGB", (4, 4)).save(tmp_path / "image.bmp")
    Image.new("1", (9000, 9000)).save(tmp_path / "huge.png")
    return tmp_path


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ("text.png", "not an image"),
        ("empty.png", "not an image"),
        ("cut.png", "damaged"),
        ("image.bmp", "BMP; give one of GIF, JPEG, PNG, WEBP"),
        ("huge.png", "9000 x 9000 pixels"),
        ("missing.png", "cannot be read: No such file"),
        (".", "cannot be read: Is a directory"),
        ("data:image/png;base64,!!!", "not valid base64"),
        ("data:image/png,raw", "must be base64"),
        ("nul\0byte", "cannot be read"),
    ],
)
async def test_what_is_no_image_is_an_input_error(
    viewers: OpenAIServer, files: Path, monkeypatch: pytest.MonkeyPatch, image: str, sentence: str
) -> None:
    monkeypatch.chdir(files)
    with pytest.raises(InputError) as raised:
        await invoke("social_post", image=image)
    assert sentence in str(raised.value)
    assert not viewers.asked


async def test_a_file_that_is_too_large_is_refused(
    monkeypatch: pytest.MonkeyPatch, viewers: OpenAIServer
) -> None:
    monkeypatch.setattr(social_post, "MOST_BYTES", 100)
    with pytest.raises(InputError, match="at most 100 are read"):
        await invoke("social_post", image=HARBOUR)


async def test_a_post_of_nothing_is_an_input_error() -> None:
    with pytest.raises(InputError, match="give a text, an image, or both"):
        await invoke("social_post")


def test_the_example_is_measured_offline_and_says_so(braid: Cli) -> None:
    image = run_example(braid, "social_post")["analysis"]["image"]
    assert "offline" in image["scene"]["note"]
    assert (image["scene"]["width"], image["scene"]["height"]) == (480, 320)
    assert image["scene"]["dominant_colours"][0].startswith("#")
    assert image["objects"]["names"] == [], "nothing is invented"


def test_a_file_that_is_no_image_exits_2(braid: Cli, files: Path) -> None:
    result = braid("run", "social_post", f"image={files / 'text.png'}", "--json")
    assert result.status == 2
    assert "not an image" in result.err
