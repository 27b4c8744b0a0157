"""Cut text and Markdown into passages, at paragraph boundaries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

USUAL = 900
"""Characters from which a passage is full: about a screen of text."""
LONGEST = 2 * USUAL
"""Characters from which a paragraph is cut at the end of a line or, failing that, of a sentence."""

_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_FENCE = re.compile(r"\s*(```|~~~)")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])")  # noqa: RUF001 - full-width, as written
_FRONT_MATTER = re.compile(r"\A---\n(?:.*\n)*?---\n")


class Passage(NamedTuple):
    """Some paragraphs that stand together."""

    heading: str
    """The headings above it, from the outermost: "Methane > In summer"."""
    text: str
    first: int
    """Its first line in the file, from 1."""
    last: int


class _Block(NamedTuple):
    """A paragraph, a list, a fenced listing: what blank lines set apart."""

    text: str
    first: int
    last: int


def passages(text: str) -> Iterator[Passage]:
    """Yield a text's passages in order. A heading begins one; none is longer than LONGEST."""
    headings: dict[int, str] = {}
    held: list[_Block] = []
    for block in _blocks(text):
        heading = _HEADING.fullmatch(block.text)
        full = sum(len(each.text) for each in held) + len(block.text) > USUAL
        if held and (heading or full):
            yield _joined(headings, held)
            held = []
        if heading:
            level = len(heading[1])
            headings = {n: title for n, title in headings.items() if n < level}
            headings[level] = heading[2].rstrip("# \t")
        else:
            held.append(block)
    if held:
        yield _joined(headings, held)


def title_of(text: str) -> str | None:
    """Return a text's first heading; None where it has none."""
    headings = (_HEADING.fullmatch(block.text) for block in _blocks(text))
    return next((found[2].rstrip("# \t") for found in headings if found), None)


def _joined(headings: dict[int, str], blocks: list[_Block]) -> Passage:
    heading = " > ".join(headings[level] for level in sorted(headings))
    text = "\n\n".join(block.text for block in blocks)
    return Passage(heading, text, blocks[0].first, blocks[-1].last)


def _blocks(text: str) -> Iterator[_Block]:
    """Yield the blocks of a text: a heading is one of its own, a fenced listing is never torn."""
    lines: list[str] = []
    begun, fence = 1, ""
    for number, line in enumerate(_lines(text), start=1):
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1] == fence):
            fence = "" if fence else mark[1]
        heading = not fence and _HEADING.fullmatch(line)
        if lines and (heading or (not line.strip() and not fence)):
            yield from _cut("\n".join(lines), begun)
            lines = []
        if heading:
            yield _Block(line, number, number)
        elif lines or line.strip():
            begun = begun if lines else number
            lines.append(line.rstrip())
    if lines:
        yield from _cut("\n".join(lines), begun)


def _lines(text: str) -> list[str]:
    """Return the lines of a text; those of a Markdown file's front matter are blank."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT_MATTER.match(text)
    if front is None:
        return text.split("\n")
    return [""] * front[0].count("\n") + text[front.end() :].split("\n")


def _cut(text: str, line: int) -> Iterator[_Block]:
    """Yield a block as it is, or in pieces where it is too long for a passage."""
    while len(text) > LONGEST:
        at = _boundary(text)
        piece, text = text[:at], text[at:]
        yield _Block(piece.strip(), line, line + piece.rstrip().count("\n"))
        line += piece.count("\n")
        line += len(text) - len(text.lstrip("\n"))
        text = text.lstrip("\n")
    if text.strip():
        yield _Block(text.strip(), line, line + text.rstrip().count("\n"))


def _boundary(text: str) -> int:
    """Return where to cut: after the last line or sentence within LONGEST, else between words."""
    window = text[:LONGEST]
    ends = [match.end() for match in _SENTENCE_END.finditer(window)]
    best = max(window.rfind("\n"), *ends, 0)
    return best if best > USUAL // 2 else max(window.rfind(" "), USUAL // 2)
