"""Four views of a social post: two of its text, two of its image."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from nodes.models import Image, fill, model_name
from nodes.sources import SourceError
from nodes.sources.places import may_be_read
from state import Context
from state.social_post import Finding, PostState

SENTIMENT = "Judge the sentiment of the post, from -1 (negative) to 1 (positive), and say why."
KEYWORDS = "Name up to eight keywords of the post, the most important first."
OBJECTS = "List the objects that can be seen in the image, the most prominent first."
SCENE = "Describe the scene in the image in one or two sentences: place, light, activity, mood."

MOST_BYTES = 10_000_000
MOST_PIXELS = 50_000_000
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
OFFLINE = "offline: no model looked at the image; these are measurements of the file"

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class Sentiment(BaseModel):
    """The sentiment of a post."""

    label: Literal["positive", "neutral", "negative"]
    score: float = Field(ge=-1, le=1)
    reason: str = Field(max_length=600)


class Keywords(BaseModel):
    """The keywords of a post."""

    keywords: list[Word] = Field(min_length=1, max_length=8)


class Objects(BaseModel):
    """What can be seen."""

    objects: list[Word] = Field(max_length=20)


class Scene(BaseModel):
    """What it looks like."""

    description: str = Field(min_length=1, max_length=1_000)


class Analysed(TypedDict):
    """What the aggregator writes."""

    analysis: dict[str, Any]


def something_to_look_at(values: Mapping[str, Any]) -> None:
    """Refuse a post without text and image, and an image that is none."""
    if not values.get("text") and not values.get("image"):
        raise ValueError("give a text, an image, or both")
    if values.get("image"):
        read_image(values["image"])


async def sentiment(state: PostState, runtime: Runtime[Context]) -> Finding:
    """Judge the text's sentiment."""
    if not state.get("text"):
        return {"findings": {"sentiment": None}}
    found = await fill(runtime, Sentiment, SENTIMENT, post=state["text"])
    return {"findings": {"sentiment": found.model_dump()}}


async def keywords(state: PostState, runtime: Runtime[Context]) -> Finding:
    """Name the text's keywords."""
    if not state.get("text"):
        return {"findings": {"keywords": None}}
    found = await fill(runtime, Keywords, KEYWORDS, post=state["text"])
    return {"findings": {"keywords": list(dict.fromkeys(found.keywords))}}


async def objects(state: PostState, runtime: Runtime[Context]) -> Finding:
    """List what is in the image."""
    if not state.get("image"):
        return {"findings": {"objects": None}}
    image = await asyncio.to_thread(read_image, state["image"])
    if model_name(runtime) == "offline":
        return {"findings": {"objects": {"note": OFFLINE, "names": []}}}
    found = await fill(runtime, Objects, OBJECTS, images=[image])
    return {"findings": {"objects": {"names": found.objects}}}


async def scene(state: PostState, runtime: Runtime[Context]) -> Finding:
    """Describe the image."""
    if not state.get("image"):
        return {"findings": {"scene": None}}
    image = await asyncio.to_thread(read_image, state["image"])
    if model_name(runtime) == "offline":
        measured = await asyncio.to_thread(measure, image)
        return {"findings": {"scene": {"note": OFFLINE, **measured}}}
    found = await fill(runtime, Scene, SCENE, images=[image])
    return {"findings": {"scene": {"description": found.description}}}


async def assemble(state: PostState) -> Analysed:
    """Set what was found about text and image side by side."""
    found = state["findings"]
    parts = {"text": ("sentiment", "keywords"), "image": ("objects", "scene")}
    analysis: dict[str, Any] = {
        kind: {name: found[name] for name in names if name in found} if state.get(kind) else None
        for kind, names in parts.items()
    }
    every = [name for names in parts.values() for name in names]
    return {"analysis": {**analysis, "missing": [name for name in every if name not in found]}}


def read_image(source: str) -> Image:
    """Read an image file or data: URL; raise ValueError with a sentence for anything else."""
    data = _decoded(source) if source.startswith("data:") else _loaded(source)
    if len(data) > MOST_BYTES:
        raise ValueError(f"the image has {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    with _opened(data) as opened:
        if opened.format not in FORMATS:
            raise ValueError(
                f"the image is {opened.format}; give one of {', '.join(sorted(FORMATS))}"
            )
        width, height = opened.size
        if width * height > MOST_PIXELS:
            raise ValueError(
                f"the image has {width} x {height} pixels; at most {MOST_PIXELS:,} are read"
            )
        return Image(data, FORMATS[opened.format])


def measure(image: Image) -> dict[str, Any]:
    """Return format, size in pixels, orientation and the three dominant colours, as #rrggbb."""
    with _opened(image.data) as opened:
        width, height = opened.size
        small = opened.convert("RGB").resize((64, 64))
        counted = small.quantize(colors=6).convert("RGB").getcolors(64 * 64) or []
        ranked = sorted(counted, key=lambda each: -int(each[0]))
        shape = "square" if width == height else "landscape" if width > height else "portrait"
        return {
            "format": opened.format,
            "width": width,
            "height": height,
            "orientation": shape,
            "dominant_colours": [_hex(*colour) for _, colour in ranked[:3]],
        }


def _hex(red: int, green: int, blue: int) -> str:
    return f"#{red:02x}{green:02x}{blue:02x}"


def _opened(data: bytes) -> Any:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            opened = Pillow.open(io.BytesIO(data))
            if opened.size[0] * opened.size[1] <= MOST_PIXELS:
                opened.load()  # a file that is cut off shows itself here
            return opened
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        raise ValueError(
            f"the image has too many pixels; at most {MOST_PIXELS:,} are read"
        ) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise ValueError("the file is not an image, or it is damaged") from None


def _loaded(path: str) -> bytes:
    try:
        with may_be_read(path).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except SourceError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"the image {path[:200]!r} cannot be read: {reason}") from None


def _decoded(url: str) -> bytes:
    head, _, body = url.partition(",")
    if not head.endswith(";base64"):
        raise ValueError("a data: URL of an image must be base64")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise ValueError("the data: URL of the image is not valid base64") from None
