"""Write a title, a meta description, a social post and hashtags for one topic."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.content_kit import assemble, hashtags, meta_description, social_post, title
from state.content_kit import KitInput, KitOutput, KitState

workflow = FanOut(
    name="content_kit",
    input=KitInput,
    state=KitState,
    output=KitOutput,
    branches={
        "title": title,
        "meta_description": meta_description,
        "social_post": social_post,
        "hashtags": hashtags,
    },
    aggregator=assemble,
    quorum=3,  # A kit can be finished by hand when one part is missing.
)
graph = workflow.compile()
