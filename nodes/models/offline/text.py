"""Measure text: its sentences, its terms, its tone, its names. Plain statistics, no knowledge."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from nodes.models.offline.words import (
    INTENSIFIERS,
    NEGATIONS,
    NEGATIVE,
    POSITIVE,
    STOP_WORDS,
    UNITS,
)

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")  # noqa: RUF001, the apostrophe of typeset text
_MARKUP = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+•]\s+|\d{1,3}[.)]\s+|\|)")
_CODE = re.compile(r"^\s*```.*?^\s*```", re.DOTALL | re.MULTILINE)
_RULE = re.compile(r"^[\s|:=*_~`\-+]+$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_END = re.compile(r"(?<=[.!?…])[\"')\]”’]*\s+(?=[\"'(\[“‘]?[^\W_a-z])|(?<=[。！？])")  # noqa: RUF001
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|e\.g|i\.e|cf|vs|etc|approx|Mr|Mrs|Ms|Dr|Prof|St|No|Art|Sec|Fig|Inc|Ltd|Co)\.$"
)


class Entity(NamedTuple):
    """Something that a text names."""

    text: str
    kind: str
    """A key of ENTITY_KINDS."""


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, in order."""
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]  # noqa: RUF001


def stem(word: str) -> str:
    """Return the singular of an English plural (after Harman's S-stemmer, 1991), else the word."""
    if word.endswith("ies") and not word.endswith(("eies", "aies")) and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss", "is", "'s")) and len(word) > 3:
        return word[:-1]
    return word


@lru_cache(maxsize=4096)
def content(text: str) -> tuple[str, ...]:
    """Return the stems of the words that carry meaning: no stop words, no bare numbers."""
    return tuple(stem(word) for word in words(text) if _carries_meaning(word))


@lru_cache(maxsize=256)
def lexicon(listed: str) -> frozenset[str]:
    """Return the stems of listed words, for looking words up among them."""
    return frozenset(map(stem, listed.split()))


@lru_cache(maxsize=64)
def sentences(text: str) -> tuple[str, ...]:
    """Split a text into sentences, without its Markdown; a heading or a list item is one too."""
    found: list[str] = []
    for unit in _units(text):
        start = 0
        for end in _END.finditer(unit):
            if not _ABBREVIATION.search(unit[: end.start()].rstrip("\"')]”’")):  # noqa: RUF001
                found.append(unit[start : end.start()])
                start = end.end()
        found.append(unit[start:])
    return tuple(sentence.strip() for sentence in found if _WORD.search(sentence))


def prose(text: str) -> tuple[str, ...]:
    """Return the sentences that are whole ones; all of them where hardly any is."""
    every = sentences(text)
    whole = tuple(each for each in every if each[-1] in ".!?…。！？\"')”’")  # noqa: RUF001
    return whole if len(whole) >= min(2, len(every)) else every


def best(text: str, count: int, about: str = "") -> list[str]:
    """Return the sentences that say most of what the text says, in the text's order.

    Frequent words weigh more, and weigh less once they are said (SumBasic: Nenkova and
    Vanderwende, 2005); early sentences come first among equals. With `about`, the sentences that
    share most with those words.
    """
    units = list(dict.fromkeys(prose(text)))
    bags = [set(content(unit)) for unit in units]
    weight: dict[str, float] = dict(Counter(word for unit in units for word in content(unit)))
    for word in content(about):
        if word in weight:
            weight[word] = weight[word] * 3 + max(weight.values())
    chosen: list[int] = []
    while len(chosen) < min(count, len(units)):
        index = max(
            (i for i in range(len(units)) if i not in chosen),
            key=lambda i: (_worth(bags[i], weight) * (1.25 if i == 0 else 1.0), -i),
        )
        chosen.append(index)
        for word in bags[index]:
            weight[word] /= 4
    return [units[index] for index in sorted(chosen)]


def matching(texts: Sequence[str], question: str) -> list[tuple[float, int]]:
    """Rate each text from 0 to 1 by the share of the question's meaning in it; best first.

    A word that few of the texts have counts for more.
    """
    asked = set(content(question))
    bags = [set(content(text)) for text in texts]
    spread = Counter(word for bag in bags for word in bag)
    rarity = {word: 1 / (1 + spread[word] / max(1, len(texts))) for word in asked}
    total = sum(rarity.values()) or 1.0
    rated = [(sum(rarity[w] for w in asked & bag) / total, i) for i, bag in enumerate(bags)]
    return sorted(rated, key=lambda each: (-each[0], each[1]))


def likeness(one: str, other: str) -> float:
    """Return how much of their words two texts share, from 0 to 1 (Dice, 1945)."""
    a, b = Counter(map(stem, words(one))), Counter(map(stem, words(other)))
    return 2 * (a & b).total() / (a.total() + b.total()) if a or b else 1.0


@lru_cache(maxsize=64)
def terms(text: str, count: int = 12) -> tuple[str, ...]:
    """Return the text's key terms, one to three words each, the weightiest first.

    A term is a run of words that carry meaning. It weighs by how often it comes, how long it is
    and how early it first comes; a term within a weightier one is left out.
    """
    runs = [run for sentence in sentences(text) for run in _runs(sentence)]
    runs_whole = {tuple(stem(word.lower()) for word in run) for run in runs}
    seen: Counter[tuple[str, ...]] = Counter()
    first: dict[tuple[str, ...], int] = {}
    shown: dict[tuple[str, ...], str] = {}
    for position, run in enumerate(runs):
        for size in range(1, min(3, len(run)) + 1):
            for start in range(len(run) - size + 1):
                part = run[start : start + size]
                key = tuple(stem(word.lower()) for word in part)
                seen[key] += 1
                first.setdefault(key, position)
                shown.setdefault(key, " ".join(part))

    def weight(key: tuple[str, ...]) -> float:
        early = 1 + 0.5 * (1 - first[key] / len(runs))
        long = 0.6 + 0.2 * min(len("".join(key)), 10) / 10 + 0.5 * (len(key) - 1)
        whole = 1.0 if len(key) == 1 or key in runs_whole else 0.45
        if len(key) > 1 and seen[key] > 1:
            whole = 1.6  # a phrase that comes again is meant as one
        return seen[key] * early * long * whole

    chosen: list[tuple[str, ...]] = []
    for key in sorted(seen, key=lambda key: (-weight(key), key)):
        if len(chosen) == count:
            break
        if not any(set(key) & set(other) for other in chosen if len(key) + len(other) > 2):
            chosen.append(key)
    return tuple(shown[key] for key in chosen)


def tone(text: str) -> float:
    """Return the feeling of a text, from -1 to 1, by a small lexicon.

    A negation within the three words before turns a word's feeling around, an intensifier makes
    it stronger, and the sum is squeezed as in VADER (Hutto and Gilbert, 2014), harder the longer
    the text is.
    """
    total = 0.0
    said = words(text)
    for index, word in enumerate(said):
        feeling = _feeling(word)
        if feeling:
            before = said[max(0, index - 3) : index]
            feeling *= 1.5 if before and before[-1] in INTENSIFIERS else 1.0
            total += -0.75 * feeling if NEGATIONS.intersection(before) else feeling
    return total / math.sqrt(total * total + 8 + len(said))


@lru_cache(maxsize=64)
def entities(text: str) -> tuple[Entity, ...]:
    """Return what the text names, in order of first mention, each once.

    Addresses, dates, amounts and other numbers by their form; names by their capitals.
    """
    found: dict[str, Entity] = {}
    for kind, pattern in _FORMS:
        for match in pattern.finditer(text):
            found.setdefault(match[0].strip(" .,"), Entity(match[0].strip(" .,"), kind))
    for sentence in sentences(text):
        for match in _NAME.finditer(sentence):
            name = _ARTICLE.sub("", match[0]).strip()
            sure = match.start() > 0 or " " in name or (name.isupper() and len(name) > 1)
            if sure and name.lower() not in STOP_WORDS:
                found.setdefault(name, Entity(name, _kind_of(name)))
    inner = {name for name in found for other in found if name != other and name in other}
    # Taking marks out of a sentence can join what stood apart: that is no name of the text's.
    words = " ".join(text.split())
    kept = [entity for name, entity in found.items() if name not in inner and name in words]
    return tuple(sorted(kept, key=lambda entity: text.find(entity.text)))


def shorten(text: str, most: int) -> str:
    """Cut a text to at most so many characters: after a sentence, else a word, with an ellipsis."""
    if len(text) <= most:
        return text
    if most < 2:
        return text[:most]
    head = text[: most + 1]
    ends = [end.start() for end in _END.finditer(head)]
    if ends and ends[-1] >= most // 2:
        return text[: ends[-1]]
    cut = text[: most - 1]
    gap = cut.rfind(" ")
    return (cut[:gap] if gap >= most // 2 else cut).rstrip(" ,;:-") + "…"


def _units(text: str) -> list[str]:
    """Join wrapped lines into paragraphs; headings, list items and table rows stand alone."""
    units: list[str] = []
    open_paragraph = False
    for line in _CODE.sub("\n\n", text).splitlines():
        bare = _LINK.sub(r"\1", _MARKUP.sub("", line)).replace("**", "").replace("`", "").strip()
        marked = _MARKUP.match(line) is not None
        if not bare or _RULE.match(line):
            open_paragraph = False
        elif open_paragraph and not marked:
            units[-1] += " " + bare
        else:
            units.append(bare)
            open_paragraph = not line.lstrip().startswith(("#", "|"))
    return units


def _runs(sentence: str) -> list[list[str]]:
    """Cut a sentence at stop words and punctuation into runs of words as they are written."""
    runs: list[list[str]] = [[]]
    end = 0
    for match in _WORD.finditer(sentence):
        word = match[0].removesuffix("'s").removesuffix("’s")  # noqa: RUF001
        if sentence[end : match.start()].strip():
            runs.append([])
        telling = _carries_meaning(word.lower()) and word.lower() not in UNITS
        if telling and (len(word) > 2 or word.isupper()):
            runs[-1].append(word)
        else:
            runs.append([])
        end = match.end()
    return [run for run in runs if run]


def _worth(bag: set[str], weight: dict[str, float]) -> float:
    """Return the mean weight of a sentence's words; a few words alone are worth less."""
    return sum(weight[word] for word in bag) / max(len(bag), 6)


def _carries_meaning(word: str) -> bool:
    return word not in STOP_WORDS and not word[0].isdigit()


def _feeling(word: str) -> float:
    if word in POSITIVE:
        return 1.0
    return -1.0 if word in NEGATIVE else 0.0


_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH_ALONE = (
    r"(?:January|February|March|April|June|July|August|September|October|November|December)"
)
_MONTH = rf"(?:{_MONTH_ALONE}|May|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"
_FORMS = (
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]*\w")),
    ("url", re.compile(r"https?://[^\s<>\")\]]+")),
    (
        "date",
        re.compile(
            rf"\b(?:\d{{4}}-\d\d-\d\d|(?:{_DAY},? )?\d{{1,2}} {_MONTH}(?: \d{{4}})?"
            rf"|{_MONTH} \d{{1,2}}, \d{{4}}|{_MONTH} \d{{4}}|{_DAY}|{_MONTH_ALONE})\b"
        ),
    ),
    (
        "money",
        re.compile(
            r"(?:[$€£]\s?\d[\d,]*(?:\.\d+)?(?:\s?(?:k|m|million|billion))?"
            r"|\b(?<!\d,)\d[\d,]*(?:\.\d+)?\s?(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds)\b)"
        ),
    ),
    ("number", re.compile(r"\b\d+(?:\.\d+)?\s?(?:%|percent\b)")),
)
_NAME = re.compile(
    r"\b[A-Z][\w&-]*(?:\s+(?:(?:of|de|van|von)\s+)?[A-Z][\w&-]*)*"
    r"(?:\s+(?:Inc|Ltd|Co|Corp)\b\.?)?"
)
_ARTICLE = re.compile(r"^(?:The|A|An|Our|This|That|Its|In|On|At|For|When|If)\s+")
_ORGANISATION = re.compile(
    r"\b(?:Inc|Ltd|LLC|GmbH|AG|Corp|Corporation|Company|University|Institute|Bank|Group|Agency"
    r"|Association|Council|Ministry|Court|Commission|Foundation|Labs?|Systems|Partners|B\.?V)\b"
)
_PLACE = re.compile(
    r"\b(?:Street|City|River|Lake|Mount|Mountain|Valley|Island|Bay|County|Road|Avenue|Square"
    r"|Europe|Africa|Asia|America|Germany|France|Spain|Italy|England|London|Paris|Berlin|Madrid"
    r"|Rome|Lisbon|Vienna|Tokyo|York)\b"
)
_PERSON = re.compile(r"^(?:Mr|Mrs|Ms|Dr|Prof|Professor|President|Judge)\b")


def _kind_of(name: str) -> str:
    if _PERSON.search(name):
        return "person"
    if _ORGANISATION.search(name):
        return "organisation"
    return "place" if _PLACE.search(name) else "name"
