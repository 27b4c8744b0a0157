"""Four parts of a marketing email, and the message made of them."""

from __future__ import annotations

import html
from email.message import EmailMessage
from typing import Any, Literal

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, create_model
from typing_extensions import TypedDict

from nodes.models import fill, write
from state import Context
from state.marketing_email import CatalogueImage, Email, EmailState, Part

SUBJECT_LINE = "Write the subject line of a marketing email for the brief: at most 60 characters."
BODY = (
    "Write the body of a marketing email for the brief: two or three short paragraphs of plain "
    "text, no greeting, no signature, nothing that the brief does not say."
)
IMAGE_CHOICE = "Choose the image of the catalogue that suits the brief best."
CALL_TO_ACTION = (
    "Write the call to action of a marketing email for the brief: two to six words for a button."
)

SAMPLE_IMAGES: list[CatalogueImage] = [
    {
        "id": "workbench",
        "url": "https://images.example.com/workbench.jpg",
        "description": "A tidy workbench with tools, seen from above",
    },
    {
        "id": "breakfast",
        "url": "https://images.example.com/breakfast.jpg",
        "description": "A breakfast table with bread, fruit and coffee in the morning light",
    },
    {
        "id": "trail",
        "url": "https://images.example.com/trail.jpg",
        "description": "Two hikers on a mountain trail above a lake",
    },
    {
        "id": "desk",
        "url": "https://images.example.com/desk.jpg",
        "description": "A desk with a laptop, a notebook and a plant",
    },
    {
        "id": "family",
        "url": "https://images.example.com/family.jpg",
        "description": "A family laughing on a sofa at home",
    },
]


class SubjectLine(BaseModel):
    """The subject of an email."""

    subject_line: str = Field(min_length=1, max_length=60, pattern=r"^[^\r\n]+$")


class CallToAction(BaseModel):
    """The words on a button."""

    call_to_action: str = Field(min_length=2, max_length=40, pattern=r"^[^\r\n]+$")


class Assembled(TypedDict):
    """What the aggregator writes."""

    email: Email


async def subject_line(state: EmailState, runtime: Runtime[Context]) -> Part:
    """Write the subject."""
    made = await fill(runtime, SubjectLine, SUBJECT_LINE, brief=state["brief"])
    return {"parts": {"subject_line": made.subject_line}}


async def body(state: EmailState, runtime: Runtime[Context]) -> Part:
    """Write the text."""
    return {"parts": {"body": await write(runtime, BODY, brief=state["brief"])}}


async def image_choice(state: EmailState, runtime: Runtime[Context]) -> Part:
    """Choose a picture of the catalogue; the schema knows no others."""
    catalogue = {image["id"]: image for image in state.get("images") or SAMPLE_IMAGES}
    choices: Any = Literal[tuple(catalogue)]
    schema: Any = create_model("ImageChoice", image=(choices, ...))
    listed = "\n".join(f"{image['id']}: {image['description']}" for image in catalogue.values())
    made = await fill(runtime, schema, IMAGE_CHOICE, brief=state["brief"], catalogue=listed)
    return {"parts": {"image_choice": catalogue[made.image]}}


async def call_to_action(state: EmailState, runtime: Runtime[Context]) -> Part:
    """Write the words on the button."""
    made = await fill(runtime, CallToAction, CALL_TO_ACTION, brief=state["brief"])
    return {"parts": {"call_to_action": made.call_to_action}}


async def assemble(state: EmailState) -> Assembled:
    """Make one message with a text and an HTML part; a missing part is left out."""
    parts = state["parts"]
    subject = parts.get("subject_line") or "(no subject: write one before sending)"
    text, action = parts.get("body", ""), parts.get("call_to_action", "")
    image: CatalogueImage | None = parts.get("image_choice")
    plain = "\n\n".join(filter(None, [text, action and f"> {action}"])) + "\n"
    rich = _html(subject, text, action, image)
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content(plain)
    message.add_alternative(rich, subtype="html")
    return {
        "email": {
            "subject": subject,
            "text": plain,
            "html": rich,
            "image": image,
            "message": message.as_string(),
        }
    }


def _html(subject: str, text: str, action: str, image: CatalogueImage | None) -> str:
    """Return the HTML part; every word in it is escaped."""
    lines = [f"<h1>{html.escape(subject)}</h1>"]
    if image:
        source, described = html.escape(image["url"]), html.escape(image["description"])
        lines.append(f'<img src="{source}" alt="{described}" width="600">')
    lines += [f"<p>{html.escape(each)}</p>" for each in text.split("\n\n") if each.strip()]
    if action:
        lines.append(f'<p><a href="#"><strong>{html.escape(action)}</strong></a></p>')
    return "<!doctype html>\n<html><body>\n" + "\n".join(lines) + "\n</body></html>\n"
