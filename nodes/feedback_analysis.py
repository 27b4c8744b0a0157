"""One judgement per entry of feedback, counted together."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from nodes.models import fill
from state import Context
from state.feedback_analysis import (
    Analysed,
    BadRow,
    Category,
    Entry,
    FeedbackState,
    Judged,
    Sentiment,
)

JUDGE = (
    "Judge one entry of customer feedback: its sentiment, its category, how urgent an answer is "
    "(1 whenever, 5 now), and up to five keywords in lower case."
)
TEXT_COLUMNS = ("text", "feedback", "comment", "message", "review", "entry")
LONGEST_ENTRY = 10_000
TOP_KEYWORDS = 20
URGENT = 4

Keyword = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=50)
]


class Judgement(BaseModel):
    """What an entry says."""

    sentiment: Sentiment
    category: Category
    urgency: int = Field(ge=1, le=5)
    keywords: list[Keyword] = Field(max_length=5)


class Summary(TypedDict):
    """What the aggregator writes."""

    total: int
    top_keywords: dict[str, int]
    bad_rows: list[BadRow]


def by_entry(state: FeedbackState) -> dict[str, Entry]:
    """Make one item of each readable row, named by its line."""
    entries, _ = read_entries(state["entries"])
    return {f"line {entry['line']}": entry for entry in entries}


async def analyse_entry(entry: Entry, runtime: Runtime[Context]) -> Analysed:
    """Judge one entry."""
    judgement = await fill(runtime, Judgement, JUDGE, entry=entry["text"])
    judged: Judged = {
        "line": entry["line"],
        "text": entry["text"],
        "sentiment": judgement.sentiment,
        "category": judgement.category,
        "urgency": judgement.urgency,
    }
    return {
        "sentiments": {judgement.sentiment: 1},
        "categories": {judgement.category: 1},
        # LangGraph would take a lone `__overwrite__` for its marker.
        "keywords": dict.fromkeys((word.strip("_") for word in judgement.keywords), 1),
        "urgent": [judged] if judgement.urgency >= URGENT else [],
        "judged": {f"line {entry['line']}": judged},
    }


async def summarise_feedback(state: FeedbackState) -> Summary:
    """Count what was judged and say what could not be read."""
    _, bad = read_entries(state["entries"])
    most = Counter(state["keywords"]).most_common(TOP_KEYWORDS)
    return {"total": len(state["judged"]), "top_keywords": dict(most), "bad_rows": bad}


def read_entries(entries: list[Any] | str) -> tuple[list[Entry], list[BadRow]]:
    """Read a list, or the content of a CSV or JSONL file; a row that is wrong does not stop it."""
    good: list[Entry] = []
    bad: list[BadRow] = []
    for line, row in _rows(entries):
        text = _text_of(row)
        if isinstance(row, Exception):
            bad.append({"line": line, "reason": str(row)})
        elif not text:
            bad.append({"line": line, "reason": "there is no text in it"})
        elif len(text) > LONGEST_ENTRY:
            bad.append({"line": line, "reason": f"longer than {LONGEST_ENTRY} characters"})
        else:
            good.append({"line": line, "text": text})
    return good, bad


def _rows(entries: list[Any] | str) -> Iterator[tuple[int, Any]]:
    """Yield (line, row), with an exception in place of a row that cannot be read."""
    if not isinstance(entries, str):
        yield from enumerate(entries, start=1)
    elif entries.lstrip("\ufeff \n").startswith(("{", '"', "[")) and _is_json(entries):
        yield from _jsonl(entries)
    else:
        yield from _csv(entries)


def _is_json(content: str) -> bool:
    """Tell JSONL from a CSV file whose first column is quoted: some line must be an object."""
    return any(line.lstrip().startswith("{") for line in content.splitlines())


def _jsonl(content: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(content.lstrip("\ufeff").splitlines(), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:  # ValueError: also a number too long
                yield number, ValueError(f"not JSON: {error}")


def _csv(content: str) -> Iterator[tuple[int, Any]]:
    reader = csv.reader(io.StringIO(content.lstrip("\ufeff")), strict=True)
    header: list[str] | None = None
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, ValueError(f"not CSV: {error}")
            continue
        if not row:
            continue
        if header is None:
            header = [cell.strip().casefold() for cell in row]
        elif len(row) != len(header):
            reason = f"{len(row)} columns instead of {len(header)}"
            yield reader.line_num, ValueError(reason)
        else:
            yield reader.line_num, dict(zip(header, row, strict=True))


def _text_of(row: Any) -> str:
    if isinstance(row, str):
        return row.strip()
    if not isinstance(row, dict):
        return ""
    if len(row) == 1:
        return str(next(iter(row.values())) or "").strip()
    lowered = {str(key).casefold(): value for key, value in row.items()}
    found = next((lowered[name] for name in TEXT_COLUMNS if lowered.get(name)), "")
    return found.strip() if isinstance(found, str) else ""
