"""Say what belongs into a field, by its name, its description and the prompt.

Each kind of value has a table of rows: a pattern for the field's name, and a small function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, TypeVar

from nodes.models.offline import measuring, writing
from nodes.models.offline.arithmetic import work_out
from nodes.models.offline.measuring import NO_KNOWLEDGE, answer, choose, quote, score, severity
from nodes.models.offline.prompt import Prompt
from nodes.models.offline.text import (
    best,
    content,
    entities,
    likeness,
    matching,
    prose,
    stem,
    terms,
    tone,
    words,
)
from nodes.models.offline.words import CATEGORIES, ELSE, ENTITY_KINDS, GRADES
from nodes.models.offline.writing import Rows

Made = TypeVar("Made")

UNSEEN = "The offline model cannot see images."
_GRAVE = 0.4
"""The severity, from 0 to 1, from which a text is held back."""
_MANY = 20
_ENOUGH = 0.7
"""The share of the best answer's fit from which another sentence counts as one, too."""


@dataclass(frozen=True)
class Thing:
    """What one item of a list is about: a sentence, a term, an option, a section."""

    text: str
    detail: str = ""
    kind: str = ""
    id: str = ""


@dataclass(frozen=True)
class Field:
    """One value to be filled in."""

    prompt: Prompt
    name: str = ""
    description: str = ""
    thing: Thing | None = None
    """The item that it belongs to, within a list."""
    beside: tuple[str, ...] = ()
    """The choices that are to be made beside it."""
    alone: bool = False
    """Whether it is all that is asked for, so that the instructions' limits are its own."""

    @property
    def text(self) -> str:
        """The text that it is about: the item's own, else all that was given."""
        return self.thing.text if self.thing else self.prompt.material

    @property
    def called(self) -> str:
        """The name in plain words: `keyPoints` and `key_points` are "key points"."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", self.name).lower()

    def about(self, thing: Thing) -> Field:
        """Return the same field for one item of a list."""
        return replace(self, thing=thing)


def text_for(field: Field) -> str:
    """Return the text that belongs into a field."""
    prompt = field.prompt
    if prompt.images and not prompt.sources:
        return UNSEEN
    if field.thing and (item_row := _by_name(_ITEM_TEXTS, field)):
        return item_row(field.thing)
    if row := _by_name(_TEXTS, field):
        return row(field)
    if field.thing:
        return field.thing.text
    writer = _by_name(writing.TASKS, field) or writing.named_in(field.description, writing.TASKS)
    return (writer or writing.task(prompt.instructions))(prompt)


def things_for(field: Field) -> Iterator[Thing]:
    """Return what the items of a list are to be about, the weightiest first."""
    if field.prompt.images and not field.prompt.sources:
        return iter(())
    row = _by_name(_LISTS, field) or writing.named_in(field.description, _LISTS)
    return (row or writing.named_in(field.prompt.instructions, _LISTS) or _sentences)(field)


def spare_things(field: Field) -> Iterator[Thing]:
    """Return items without an end, for a list that must be longer than there is to say."""
    subject = next(iter(terms(field.prompt.material, 1)), "this")
    for number in count():
        turn, which = divmod(number, len(_ASPECTS))
        text = _ASPECTS[which].format(subject) + (f" {turn + 1}" if turn else "")
        yield Thing(
            f"#{_run_together(text)}" if "hashtag" in field.called else text, id=str(number)
        )


def number_for(field: Field) -> float | None:
    """Return the very number that a field asks for, such as a result, a price or an index."""
    row = _by_name(_NUMBERS, field)
    return row(field) if row else None


def measure_for(field: Field) -> float:
    """Return how much there is of what a field measures, from 0 to 1."""
    row = _by_name(_MEASURES, field) or writing.named_in(field.description, _MEASURES)
    row = row or (_tone if _of_tone(field.prompt) else _scored)
    return min(1.0, max(0.0, row(field)))


def truth_for(field: Field) -> bool:
    """Tell whether what a field says is so."""
    if row := _by_name(_TRUTHS, field):
        return row(field)
    meant = set(content(f"{field.called} {field.description}"))
    return bool(meant & set(content(field.text)))


def choice_for(field: Field, choices: list[Any]) -> Any:
    """Return the choice that fits: a listed option, a step of a scale, a kind, a category."""
    named = {str(choice): choice for choice in choices}
    for pick in (_option, _step, _kind, _category, _mentioned):
        if (name := pick(field, list(named))) is not None:
            return named[name]
    return choices[0]


def missing(field: Field) -> bool:
    """Tell whether an optional field asks for something that the prompt does not have."""
    if field.prompt.images and not field.prompt.sources:
        return True
    form = next((form for form in _FORMS if re.search(rf"\b(?:{form})\b", field.called)), None)
    return form is not None and _formed(field, _FORMS[form]) is None


def _purpose(thing: Thing) -> str:
    return thing.detail or thing.text


def _because(thing: Thing) -> str:
    return f"It says: {quote(thing.detail or thing.text)}"


def _by_name(rows: Rows[Made], field: Field) -> Made | None:
    """Find a field's row: the last that its name speaks of, as an answer's confidence is one."""
    return writing.named_in(field.called, rows, last=True)


# Texts


def _reason(field: Field) -> str:
    prompt = field.prompt
    kind = writing.task(prompt.instructions)
    if kind is writing.judged and (chosen := choose(prompt)):
        return chosen.reason
    if kind is writing.answered or prompt.question:
        return answer(prompt).steps
    if _moderating(field):
        return " ".join(severity(prompt).reasons)
    if _of_tone(prompt):
        return f"It says: {quote(_strongest(field.text))}"
    return " ".join(score(prompt, field.called).reasons[:2])


def _of_tone(prompt: Prompt) -> bool:
    return writing.task(prompt.instructions) is writing.felt


def _strongest(text: str) -> str:
    """Return the sentence that feels most, in the direction in which the whole text does."""
    sign = -1 if tone(text) < 0 else 1
    return max(prose(text), key=lambda each: sign * tone(each), default="")


def _chosen(field: Field) -> str:
    chosen = choose(field.prompt)
    return chosen.item.id if chosen else field.prompt.topic


def _answered(field: Field) -> str:
    return answer(field.prompt).text


def _evidence(field: Field) -> str:
    if _of_tone(field.prompt):
        return _strongest(field.text)
    return measuring.evidence(field.prompt, field.prompt.wanted or field.description)


def _categorised(field: Field) -> str:
    return measuring.category(field.text, list(CATEGORIES)) or "other"


def _felt(field: Field) -> str:
    return writing.feeling(tone(field.text))


def _cited_id(field: Field) -> str:
    sources = answer(field.prompt).sources or [item.id for item in field.prompt.items]
    return sources[0] if sources else "none"


def _by_form(field: Field) -> str:
    form = next(form for form in _FORMS if re.search(rf"\b(?:{form})\b", field.called))
    return _formed(field, _FORMS[form]) or "unknown"


def _formed(field: Field, kind: str) -> str | None:
    return next((each.text for each in entities(field.text) if each.kind == kind), None)


_FORMS = {
    r"e-?mail address|contact": "email",
    r"urls?|links?|website": "url",
    r"dates?|deadline|due|when": "date",
    r"prices?|amount|cost|budget|fee": "money",
}
_TEXTS: Rows[Callable[[Field], str]] = (
    (r"reason\w*|rationale|why|explanation|justification|because|steps|working|verdict", _reason),
    (r"choice|chosen|winner|best|pick(?:ed)?|selected|image(?: id)?$", _chosen),
    (r"answer|reply|response|result", _answered),
    (r"quote|evidence|excerpt|passage text", _evidence),
    (r"category|topic area", _categorised),
    (r"sentiment|tone|mood|feeling", _felt),
    (r"(?:source|citation|passage|document|option)(?: id)?|id", _cited_id),
    (r"|".join(_FORMS), _by_form),
    (r"body|message text", lambda field: writing.email_body(field.prompt)),
    (r"subject", lambda field: writing.subject_line(field.prompt)),
    (r"key ?word|term|topic|tag", lambda field: next(iter(terms(field.text, 1)), field.text)),
    (r"language", lambda field: field.prompt.blocks.get("language", "unknown")),
    (r"query", lambda field: next(writing.queries(field.prompt))),
)
_ITEM_TEXTS: Rows[Callable[[Thing], str]] = (
    (r"ids?|sources?|citation|url|reference|passage|file", lambda thing: thing.id or "none"),
    (r"kind|type|label|category", lambda thing: thing.kind or "other"),
    (r"purpose|brief|goal|focus|detail\w*|description|covers?|instructions?", _purpose),
    (r"why|reason|rationale|explanation", _because),
    (r"quote|evidence|excerpt|context", _purpose),
)


# Lists


def _sentences(field: Field) -> Iterator[Thing]:
    """Return the weightiest sentences, each with the passage it is from."""
    prompt = field.prompt
    origins = {s: item.id for item in reversed(prompt.items) for s in prose(item.text)}
    source = field.text if field.thing else "\n\n".join(item.text for item in prompt.items)
    if not source:
        yield Thing(NO_KNOWLEDGE)
    asked = prompt.question
    found = _answering(prompt, source, origins) if asked else best(source, _MANY, prompt.wanted)
    for sentence in found:
        yield Thing(sentence, id=origins.get(sentence, ""))


def _answering(prompt: Prompt, source: str, origins: dict[str, str]) -> list[str]:
    """Return the sentences that share most with the question, on their own and by their passage."""
    every = list(dict.fromkeys(prose(source)))
    around = matching([item.text for item in prompt.items], prompt.question)
    passages = {prompt.items[index].id: share for share, index in around}
    rated = [
        (share + passages.get(origins.get(every[index], ""), 0.0), every[index])
        for share, index in matching(every, prompt.question)
    ]
    rated.sort(key=lambda each: -each[0])
    return [sentence for rate, sentence in rated if rate >= _ENOUGH * rated[0][0]][:_MANY]


def _reasons(field: Field) -> Iterator[Thing]:
    found = severity if _moderating(field) else score
    return (Thing(reason) for reason in found(field.prompt).reasons)


def _bright(field: Field) -> Iterator[Thing]:
    return _toned(field, +1)


def _gloomy(field: Field) -> Iterator[Thing]:
    return _toned(field, -1)


def _toned(field: Field, sign: int) -> Iterator[Thing]:
    moods = {each: sign * tone(each) for each in prose(field.text)}
    ordered = sorted(moods, key=lambda each: -moods[each])
    return (Thing(each) for each in ordered if moods[each] > 0)


def _named(field: Field) -> Iterator[Thing]:
    return (Thing(each.text, kind=each.kind) for each in entities(field.text))


def _terms(field: Field) -> Iterator[Thing]:
    text = field.text
    for rank, term in enumerate(terms(text, _MANY), start=1):
        yield Thing(term, detail=measuring.evidence(field.prompt, term), id=str(rank))


def _planned(field: Field) -> Iterator[Thing]:
    return (
        Thing(title, detail=purpose, id=str(number))
        for number, (title, purpose) in enumerate(writing.plan(field.prompt), start=1)
    )


def _cited(field: Field) -> Iterator[Thing]:
    found = answer(field.prompt)
    return (Thing(source, id=source) for source in found.sources)


def _listed(field: Field) -> Iterator[Thing]:
    return (Thing(item.text, id=item.id) for item in field.prompt.items)


def _written(make: Callable[[Prompt], Iterator[str]]) -> Callable[[Field], Iterator[Thing]]:
    return lambda field: (
        Thing(text, id=str(number)) for number, text in enumerate(make(field.prompt), start=1)
    )


def _titles(prompt: Prompt) -> Iterator[str]:
    return (writing.titled(replace(prompt, seed=prompt.seed + turn)) for turn in range(_MANY))


def _run_together(text: str) -> str:
    return "".join(word.capitalize() for word in words(text) if word.isalnum())


_LISTS: Rows[Callable[[Field], Iterator[Thing]]] = (
    (r"hashtags?", _written(writing.hashtags)),
    (r"reasons?|rationale|arguments?|justifications?", _reasons),
    (r"risks?|weakness(?:es)?|issues?|problems?|concerns?|cons|complaints?|gaps?", _gloomy),
    (r"strengths?|benefits?|positives?|pros|advantages?|praise", _bright),
    (r"entit(?:y|ies)|mentions?|people|persons?|organi[sz]ations?|companies|places", _named),
    (r"sections?|outline|chapters?", _planned),
    (r"quer(?:y|ies)|rewrites?|rewritten|rephras\w+", _written(writing.queries)),
    (r"questions?", _written(writing.questions)),
    (r"citations?|cited|sources?|references?", _cited),
    (r"options?|candidates?|ratings?|ranking|ranked|choices", _listed),
    (r"headlines?|titles?", _written(_titles)),
    (
        r"notes?|claims?|facts?|findings|(?:key ?)?points?|highlights?|quotes?|insights?",
        _sentences,
    ),
    (r"key ?(?:words?|terms?|phrases?)|tags?|terms?|topics?|concepts?|themes?", _terms),
)
_ASPECTS = (
    "basics of {}",
    "limits of {}",
    "use of {}",
    "history of {}",
    "cost of {}",
    "future of {}",
    "questions about {}",
    "alternatives to {}",
)


# Numbers


def _scored(field: Field) -> float:
    return score(field.prompt, field.called).value


def _tone(field: Field) -> float:
    return (1 + tone(field.text)) / 2


def _confidence(field: Field) -> float:
    prompt = field.prompt
    if prompt.question or not prompt.sources:
        return answer(prompt).confidence
    clear = max(abs(tone(field.text)), abs(severity(prompt).value - _GRAVE))
    return min(0.9, 0.5 + 0.4 * clear)


def _alike(field: Field) -> float:
    texts = list(field.prompt.sources.values())
    return likeness(texts[0], texts[1]) if len(texts) > 1 else _scored(field)


def _relevant(field: Field) -> float:
    return matching([field.text], field.prompt.question or field.prompt.topic)[0][0]


def _index(field: Field) -> float | None:
    chosen = choose(field.prompt)
    return float(chosen.item.id) if chosen and chosen.item.id.isdecimal() else None


def _worked_out(field: Field) -> float | None:
    worked = work_out(field.prompt.question or field.prompt.material)
    return float(worked.result) if worked else None


def _year(field: Field) -> float | None:
    found = re.search(r"\b(?:1[5-9]|20)\d\d\b", field.text)
    return float(found[0]) if found else None


def _amount(field: Field) -> float | None:
    found = re.search(r"\d[\d,]*(?:\.\d+)?", _formed(field, "money") or "")
    return float(found[0].replace(",", "")) if found else None


def _counted(field: Field) -> float | None:
    unit = words if "word" in field.called else prose
    return float(len(unit(field.text)))


_NUMBERS: Rows[Callable[[Field], float | None]] = (
    (r"choice|chosen|winner|best|pick(?:ed)?|index|selected", _index),
    (r"answer|result", _worked_out),
    (r"year", _year),
    (r"price|amount|cost|budget|fee", _amount),
    (r"(?:word|sentence)s?(?: count)?|number of (?:word|sentence)s", _counted),
)
_MEASURES: Rows[Callable[[Field], float]] = (
    (r"confiden\w*|certain\w*|probabilit\w*|sure", _confidence),
    (r"sentiment|polarity|tone|mood", _tone),
    (r"urgen\w*|priority", lambda field: measuring.urgency(field.text)),
    (r"severity|harm\w*|toxic\w*|risk", lambda field: severity(field.prompt).value),
    (r"similar\w*|faithful\w*|fidelity|overlap|adequacy|accuracy|preserv\w*|alike", _alike),
    (r"relevan\w*|support\w*|coverage", _relevant),
)


# Truths and choices


def _moderating(field: Field) -> bool:
    """Tell whether the text is to be judged for harm, not for what it is worth."""
    asked = field.prompt.instructions.lower()
    if _graded("ruling", field.beside):
        return True
    if re.search(r"moderat|harm|violat|polic(?:y|ies)|toxic|abus|profan", asked):
        return True
    return "safe" in asked and writing.task(field.prompt.instructions) is not writing.reviewed


_TRUTHS: Rows[Callable[[Field], bool]] = (
    (
        r"flag\w*|harmful|violat\w*|toxic|unsafe|block\w*|reject\w*|spam|offensive",
        lambda field: severity(field.prompt).value >= _GRAVE,
    ),
    (
        r"safe|allow\w*|accept\w*|ok|clean|appropriate|approve\w*|pass\w*",
        lambda field: severity(field.prompt).value < _GRAVE,
    ),
    (r"urgent|critical|escalat\w*", lambda field: measuring.urgency(field.text) >= 0.5),
    (r"positive|happy|satisfied", lambda field: tone(field.text) > 0),
    (r"negative|unhappy|dissatisfied|angry", lambda field: tone(field.text) < 0),
    (r"answer\w*|found|known|sufficient|support\w*", lambda f: answer(f.prompt).confidence > 0.3),
    (r"faithful|same|equivalent|match\w*", lambda field: _alike(field) >= 0.5),
)


def _option(field: Field, names: list[str]) -> str | None:
    chosen = choose(field.prompt, names)
    return chosen.item.id if chosen else None


def _step(field: Field, names: list[str]) -> str | None:
    """Choose the nearest step where the choices are those of a scale from good to bad."""
    for scale in GRADES:
        if graded := _graded(scale, names):
            measured = _on_scale(scale, field)
            return min(graded, key=lambda name: abs(graded[name] - measured))
    return None


def _graded(scale: str, names: Sequence[str]) -> dict[str, float]:
    """Place names on a scale; nothing unless most of them are steps of it."""
    grades = GRADES[scale]
    graded = {
        name: grades[found]
        for name in names
        if (found := next((w for w in words(name.replace("_", " ")) if w in grades), None))
    }
    return graded if len(graded) > len(names) // 2 else {}


def _on_scale(scale: str, field: Field) -> float:
    """Return where on a scale the text stands, from good (0) to bad (1), from low to high."""
    if scale == "feeling":
        return (1 - _stretched(tone(field.text))) / 2
    if scale == "ruling":
        grave = severity(field.prompt).value
        return 0.0 if grave < 0.25 else 0.5 if grave < 0.6 else 1.0
    if row := _by_name(_MEASURES, field):
        return float(row(field))
    return measuring.urgency(field.text)


def _stretched(mood: float) -> float:
    """Let a mood that is told from neutral count as a whole one."""
    return 0.0 if abs(mood) <= 0.15 else 1.0 if mood > 0 else -1.0


def _kind(field: Field, names: list[str]) -> str | None:
    if field.thing is None or not field.thing.kind:
        return None
    alike = ENTITY_KINDS.get(field.thing.kind, ())
    fitting = [name for name in names if set(words(name)) & set(alike)]
    return fitting[0] if fitting else _else(names)


def _category(field: Field, names: list[str]) -> str | None:
    return measuring.category(field.text, names)


def _mentioned(field: Field, names: list[str]) -> str | None:
    said = set(content(field.text)) | field.prompt.subject
    rated = [(len(said & set(map(stem, words(name.replace("_", " "))))), name) for name in names]
    most, name = max(rated, key=lambda each: each[0])
    return name if most else _else(names)


def _else(names: list[str]) -> str | None:
    return next((name for name in names if name.lower() in ELSE), None)
