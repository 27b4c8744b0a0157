"""Four parts of a content kit, written side by side."""

from __future__ import annotations

from typing import Annotated

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from nodes.models import fill
from state import Context
from state.content_kit import Kit, KitState, Part

TITLE = "Write a title for a page about the topic: at most 70 characters, no quotation marks."
META_DESCRIPTION = (
    "Write the meta description of a page about the topic: one or two sentences, at most 160 "
    "characters, that say what a reader finds there."
)
SOCIAL_POST = (
    "Write a social post that makes people want to read about the topic: at most 280 characters, "
    "no hashtags."
)
HASHTAGS = "Choose three to eight hashtags for the topic: each begins with # and has no spaces."

Hashtag = Annotated[str, StringConstraints(pattern=r"^#\w+$", max_length=50)]


# The rules are in the schemas, so a model's answer that breaks one is asked for again.
class Title(BaseModel):
    """A page title."""

    title: str = Field(min_length=1, max_length=70)


class MetaDescription(BaseModel):
    """A page's meta description."""

    meta_description: str = Field(min_length=1, max_length=160)


class SocialPost(BaseModel):
    """A post for a social network."""

    social_post: str = Field(min_length=1, max_length=280)


class Hashtags(BaseModel):
    """Hashtags for one topic."""

    hashtags: list[Hashtag] = Field(min_length=3, max_length=8)


class Assembled(TypedDict):
    """What the aggregator writes."""

    kit: Kit


async def title(state: KitState, runtime: Runtime[Context]) -> Part:
    """Write the title."""
    made = await fill(runtime, Title, TITLE, topic=state["topic"])
    return {"parts": {"title": made.title}}


async def meta_description(state: KitState, runtime: Runtime[Context]) -> Part:
    """Write the meta description."""
    made = await fill(runtime, MetaDescription, META_DESCRIPTION, topic=state["topic"])
    return {"parts": {"meta_description": made.meta_description}}


async def social_post(state: KitState, runtime: Runtime[Context]) -> Part:
    """Write the social post."""
    made = await fill(runtime, SocialPost, SOCIAL_POST, topic=state["topic"])
    return {"parts": {"social_post": made.social_post}}


async def hashtags(state: KitState, runtime: Runtime[Context]) -> Part:
    """Choose the hashtags, each once."""
    made = await fill(runtime, Hashtags, HASHTAGS, topic=state["topic"])
    return {"parts": {"hashtags": list(dict.fromkeys(made.hashtags))}}


async def assemble(state: KitState) -> Assembled:
    """Put the parts that there are into one kit, in the order in which they are used."""
    parts = state["parts"]
    kit = Kit()
    for name in ("title", "meta_description", "social_post", "hashtags"):
        if name in parts:
            kit[name] = parts[name]
    return {"kit": kit}
