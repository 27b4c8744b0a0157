"""Analyse a social post: sentiment and keywords of its text, objects and scene of its image."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.social_post import assemble, keywords, objects, scene, sentiment, something_to_look_at
from state.social_post import PostInput, PostOutput, PostState

workflow = FanOut(
    name="social_post",
    input=PostInput,
    state=PostState,
    output=PostOutput,
    branches={
        "sentiment": sentiment,
        "keywords": keywords,
        "objects": objects,
        "scene": scene,
    },
    aggregator=assemble,
    quorum=2,  # Half the views still say something about the post.
    validate=something_to_look_at,
)
graph = workflow.compile()
