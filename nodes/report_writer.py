"""A planner, a writer for each section, and an editor."""

from __future__ import annotations

from typing import Annotated

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from nodes.models import fill, write
from state import Context
from state.report_writer import Assignment, ReportState, Written

PLAN = (
    "Plan a report on the topic: three to {most} sections that build on one another, each with a "
    "title and a brief of one sentence that says what belongs in it."
)
WRITE = (
    "Write one section of a report, in two to four paragraphs, by its brief. Stay within it: the "
    "outline shows what the other sections cover. Answer with the paragraphs alone."
)
INTRODUCE = (
    "Write the introduction of the report in one paragraph: what it is about and what its sections "
    "show. Use only what they say."
)

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class PlannedSection(BaseModel):
    """A section to be written."""

    title: Line
    brief: Line


class Plan(BaseModel):
    """The sections of a report, in their order."""

    sections: list[PlannedSection] = Field(min_length=1, max_length=100)


class Edited(TypedDict):
    """What the aggregator writes."""

    report: str
    titles: list[str]
    missing: list[str]


async def plan_sections(state: ReportState, runtime: Runtime[Context]) -> dict[str, Assignment]:
    """Have the sections planned; what goes beyond the bound is left out."""
    instructions = PLAN.format(most=state["max_sections"])
    plan = await fill(runtime, Plan, instructions, topic=state["topic"])
    sections = plan.sections[: state["max_sections"]]
    outline = [section.title for section in sections]
    return {
        f"{number}. {section.title}": {
            "number": number,
            "title": section.title,
            "brief": section.brief,
            "topic": state["topic"],
            "outline": outline,
        }
        for number, section in enumerate(sections, start=1)
    }


async def write_section(assignment: Assignment, runtime: Runtime[Context]) -> Written:
    """Write one section."""
    text = await write(
        runtime,
        WRITE,
        topic=assignment["topic"],
        outline="\n".join(assignment["outline"]),
        title=assignment["title"],
        brief=assignment["brief"],
    )
    number, title = assignment["number"], assignment["title"]
    return {"sections": {f"{number}. {title}": {"number": number, "title": title, "text": text}}}


async def edit(state: ReportState, runtime: Runtime[Context]) -> Edited:
    """Introduce the sections and set them in the planner's order; name those that are missing."""
    sections = sorted(state["sections"].values(), key=lambda section: section["number"])
    body = "\n\n".join(f"## {section['title']}\n\n{section['text']}" for section in sections)
    introduction = await write(runtime, INTRODUCE, sections=body)
    missing = sorted(state["failures"], key=lambda item: int(item.split(".")[0]))
    gaps = f"\n\n*Missing, because it failed: {'; '.join(missing)}.*" if missing else ""
    return {
        "report": f"{introduction}\n\n{body}{gaps}",
        "titles": [section["title"] for section in sections],
        "missing": missing,
    }
