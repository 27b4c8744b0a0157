"""Work out a question of numbers: an expression, or the plainest of word problems."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from math import floor, log10
from typing import NamedTuple

from nodes.models.offline.words import NUMBERS

_LONGEST_QUESTION = 2_000
_LONGEST_EXPRESSION = 300
"""Characters. Nobody writes longer ones, and the patterns take time with the square of it."""
_LARGEST_EXPONENT = 64
_OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_SAID = (
    (r"\bpercent\b", "%"),
    (r"(\d(?:[\d.]*))\s*%\s*of\b", r"\1/100*"),
    (r"\bhalf of\b", "0.5*"),
    (r"\bplus\b", "+"),
    (r"\bminus\b", "-"),
    (r"(?:\btimes\b(?=\s*[\d(])|\bmultiplied by\b|[×x](?=\s*\d))", "*"),
    (r"(?:\bdivided by\b|\bover\b|÷)", "/"),
    (r"\bsquared\b", "**2"),
    (r"\bcubed\b", "**3"),
    (r"\^", "**"),
    (r"[−–]", "-"),  # noqa: RUF001
)
_CLOCKS = re.compile(r"(\d{1,2}):(\d\d)\b(?:(?!\d).)*(\d{1,2}):(\d\d)\b", re.DOTALL)
_EACH = re.compile(r"(\d+(?:\.\d+)?)\b[^\d.!?]*\s(\d+(?:\.\d+)?)\b[^\d.!?]*\beach\b")
_STORIES = (
    (r"fits?", "//"),
    (r"left|remain\w*|fewer than|difference|stops?|breaks?|pauses?", "-"),
    (r"shared?|shares|split|divided?|equally", "/"),
    (r"every|per|an hour|a day|a week|apiece", "*"),
    (r"total|altogether|together|sum|more", "+"),
)
"""Words of a story, and the operation that they name."""
_SYMBOLS = re.compile(r"[\d.\s()+*/-]+")
_EXPRESSION = re.compile(r"[-(\s]*\d[\d.\s()+*/-]*[+*/-][\d.\s()+*/-]*\d[\s)]*")


class Worked(NamedTuple):
    """A result and how it was reached."""

    result: str
    steps: str
    sure: bool
    """Whether it was written as a calculation, and not read from a story or estimated."""


def work_out(question: str, roughly: bool = False) -> Worked | None:
    """Return the answer to a question of numbers, None where there is none to be found.

    `roughly` rounds every number to its first digit, as an estimate does.
    """
    if len(question) > _LONGEST_QUESTION:
        return None
    text = _in_digits(question)
    if (expression := _longest_expression(text)) is not None:
        sure = True
    elif (expression := _from_story(text)) is not None:
        sure = False
    else:
        return None
    try:
        if roughly:
            expression = re.sub(r"\d+(?:\.\d+)?", lambda match: _round(match[0]), expression)
        result = _plain(_value(expression))
        rest = _plain(_value(expression.replace("//", "%"))) if "//" in expression else None
    except (SyntaxError, ValueError, ArithmeticError):
        return None
    shown = " ".join(expression.split())
    if rest is not None:
        return Worked(result, f"{shown.replace('//', '/')} = {result}, remainder {rest}", False)
    return Worked(result, f"{shown} = {result}", sure and not roughly)


def _in_digits(text: str) -> str:
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower())
    for word, number in NUMBERS.items():
        text = re.sub(rf"\b{word}\b", str(number), text)
    for said, symbol in _SAID:
        text = re.sub(said, symbol, text)
    return text


def _longest_expression(text: str) -> str | None:
    runs = [run[0] for run in _SYMBOLS.finditer(text) if len(run[0]) <= _LONGEST_EXPRESSION]
    found: list[str] = [m[0].strip() for run in runs for m in _EXPRESSION.finditer(run)]
    found = [each for each in found if not re.fullmatch(r"\d{4}-\d\d-\d\d|\d+-\d+-\d+", each)]
    if not found:
        return None
    longest = max(found, key=len)
    return longest + ")" * (longest.count("(") - longest.count(")"))


def _from_story(text: str) -> str | None:
    """Read a word problem by the word that names its operation.

    Two times of day are the minutes between them, and "4 times for 6 minutes each" is a product.
    Then one or two quantities must be left: a story of more is not understood.
    """
    if re.search(r"\bhow (?:many|much|far|long)\b|\bwhat\b", text) is None:
        return None
    text = _CLOCKS.sub(lambda m: f"({_minutes(m[3], m[4])}-{_minutes(m[1], m[2])})", text)
    text = _EACH.sub(r"(\1*\2)", text)
    quantities = re.findall(r"\([\d.*-]+\)|\d+(?:\.\d+)?", text)
    if len(quantities) == 1:
        return quantities[0] if quantities[0].startswith("(") else None
    sign = next((sign for words, sign in _STORIES if re.search(rf"\b(?:{words})\b", text)), None)
    if sign is None or len(quantities) != 2:
        return None
    if "/" in sign:  # the larger one is shared out, whichever is told first
        quantities.sort(key=lambda quantity: -_value(quantity))
    return f" {sign} ".join(quantities)


def _minutes(hour: str, minute: str) -> int:
    return 60 * int(hour) + int(minute)


def _value(expression: str) -> float:
    return _evaluate(ast.parse(expression, mode="eval").body)


def _evaluate(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](_evaluate(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, exponent = _evaluate(left), _evaluate(right)
            if abs(exponent) > _LARGEST_EXPONENT or abs(base) > 10**9:
                raise ValueError("too large")
            return float(base**exponent) if exponent < 0 else base**exponent
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(left), _evaluate(right))
    raise ValueError("no arithmetic")


def _plain(value: float) -> str:
    if isinstance(value, float) and abs(value) < 1e15 and abs(value - round(value)) < 1e-9:
        value = round(value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _round(number: str) -> str:
    value = float(number)
    if value == 0:
        return number
    return _plain(round(value, -floor(log10(abs(value)))))
