"""Let five independent voters judge a text; a person decides where they do not agree."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.moderation import audience, context, decide, policy, safety, tone
from state.moderation import ModerationInput, ModerationOutput, ModerationState

workflow = FanOut(
    name="moderation",
    input=ModerationInput,
    state=ModerationState,
    output=ModerationOutput,
    branches={
        "policy": policy,
        "safety": safety,
        "context": context,
        "tone": tone,
        "audience": audience,
    },
    aggregator=decide,
    quorum=3,  # Most of the voters: fewer could be outvoted by those that are missing.
)
graph = workflow.compile()
