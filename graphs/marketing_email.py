"""Write a marketing email, choose its image, and make a message that is ready to send."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.marketing_email import assemble, body, call_to_action, image_choice, subject_line
from state.marketing_email import EmailInput, EmailOutput, EmailState

workflow = FanOut(
    name="marketing_email",
    input=EmailInput,
    state=EmailState,
    output=EmailOutput,
    branches={
        "subject_line": subject_line,
        "body": body,
        "image_choice": image_choice,
        "call_to_action": call_to_action,
    },
    aggregator=assemble,
    quorum=3,  # Whatever one part is missing can be added by hand.
)
graph = workflow.compile()
