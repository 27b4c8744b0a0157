"""Check a contact form without a model: e-mail, phone number, address and language."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.input_validation import (
    conclude,
    email_format,
    known_address,
    phone_number,
    profanity,
    something_given,
)
from state.input_validation import FormInput, FormOutput, FormState

workflow = FanOut(
    name="input_validation",
    input=FormInput,
    state=FormState,
    output=FormOutput,
    branches={
        "email_format": email_format,
        "phone_number": phone_number,
        "known_address": known_address,
        "profanity": profanity,
    },
    aggregator=conclude,
    quorum=1,  # Each field has a verdict of its own; what was not checked is named.
    timeout=20,
    validate=something_given,
)
graph = workflow.compile()
