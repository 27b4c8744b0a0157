"""`marketing_email`: a message that can be sent, with an image of the catalogue."""

from __future__ import annotations

from email import message_from_string, policy
from typing import Any

import pytest
from support.cli import Cli
from support.openai_server import OpenAIServer, Status, Text
from support.workflows import invoke, run_example

from nodes.marketing_email import SAMPLE_IMAGES

LABELS = {
    "subject_line": "subject line",
    "body": "body of a marketing email",
    "image_choice": "image of the catalogue",
    "call_to_action": "call to action",
}
ANSWERS = {
    "subject_line": {"subject_line": "Build a stool & take it home"},
    "body": "Two days, one stool.\n\n<b>Come</b> & see.",
    "image_choice": {"image": "workbench"},
    "call_to_action": {"call_to_action": "Book a place"},
}


@pytest.fixture
def writers(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels, openai_server.answers = LABELS, ANSWERS
    return openai_server


def parsed(email: dict[str, Any]) -> tuple[str, str, str]:
    message: Any = message_from_string(email["message"], policy=policy.default)
    text = message.get_body(("plain",)).get_content()
    return message["subject"], text, message.get_body(("html",)).get_content()


async def test_the_message_has_a_subject_a_text_and_an_html_part(writers: OpenAIServer) -> None:
    email = (await invoke("marketing_email", brief="A course."))["email"]
    subject, text, rich = parsed(email)
    assert subject == "Build a stool & take it home"
    assert "Two days, one stool." in text
    assert "> Book a place" in text
    assert "&lt;b&gt;Come&lt;/b&gt; &amp; see." in rich
    assert "<b>Come" not in rich
    assert SAMPLE_IMAGES[0]["url"] in rich


async def test_an_image_that_is_not_in_the_catalogue_is_asked_for_again(
    writers: OpenAIServer,
) -> None:
    writers.script("image_choice", Text('{"image": "invented"}'))
    own = [{"id": "workbench", "url": "https://example.com/w.png", "description": "A bench"}]
    result = await invoke("marketing_email", brief="A course.", images=own)
    assert writers.counts["image_choice"] == 2
    assert result["email"]["image"] == own[0]


async def test_an_email_without_an_image_is_still_an_email(writers: OpenAIServer) -> None:
    writers.script("image_choice", Status(400))
    result = await invoke("marketing_email", brief="A course.")
    assert result["status"] == "partial"
    assert list(result["failures"]) == ["image_choice"]
    assert result["email"]["image"] is None
    assert "<img" not in parsed(result["email"])[2]


async def test_a_subject_cannot_smuggle_in_a_header(writers: OpenAIServer) -> None:
    writers.script("subject_line", Text('{"subject_line": "Hi\\nBcc: all@example.com"}'))
    result = await invoke("marketing_email", brief="A course.")
    assert writers.counts["subject_line"] == 2
    assert "Bcc" not in result["email"]["message"]


def test_the_example_becomes_an_email_offline(braid: Cli) -> None:
    email = run_example(braid, "marketing_email")["email"]
    subject, text, rich = parsed(email)
    assert 0 < len(subject) <= 60
    assert email["image"] in SAMPLE_IMAGES
    assert text.strip()
    assert "</html>" in rich
