"""Judge by what can be counted: a score, a ruling, an urgency, an answer and how sure it is."""

from __future__ import annotations

import re
from typing import NamedTuple

from nodes.models.offline.arithmetic import work_out
from nodes.models.offline.prompt import Item, Prompt, listed
from nodes.models.offline.text import (
    best,
    content,
    entities,
    lexicon,
    matching,
    prose,
    shorten,
    stem,
    tone,
    words,
)
from nodes.models.offline.words import (
    CATEGORIES,
    CATEGORIES_ALIKE,
    HARM,
    HARM_LENSES,
    NEGATIONS,
    URGENT,
    VIEWPOINTS,
    VIEWPOINTS_ALIKE,
)

NO_KNOWLEDGE = (
    "The offline model has no knowledge of its own; set OPENAI_API_KEY or OPENAI_BASE_URL to ask"
    " a model that has."
)
_ENOUGH = 0.34
"""The share of a question's meaning that a sentence must have to count as an answer."""
_QUOTED = 160
"""Characters of a sentence that is cited as a reason."""


class Score(NamedTuple):
    """How much a text has to say from a viewpoint."""

    value: float
    """From 0 to 1."""
    reasons: list[str]


class Answer(NamedTuple):
    """What could be found out about a question."""

    text: str
    sources: list[str]
    """The ids of the passages it was found in."""
    steps: str
    confidence: float
    """From 0 to 1."""


class Choice(NamedTuple):
    """One of several options, and why it."""

    item: Item
    reason: str


def score(prompt: Prompt, hint: str = "") -> Score:
    """Score a text from the viewpoint that the hint or the instructions name.

    A third for how many of the viewpoint's terms it uses, the rest for how much of it touches
    on them, how often it is concrete there (a figure, a date, a name), and in what tone.
    """
    name, looked_for = _viewpoint(prompt, hint)
    every = prose(prompt.source or prompt.material)
    touching = [each for each in every if looked_for.intersection(content(each))]
    if not touching:
        return Score(0.0, [f"None of its {len(every)} sentences speaks of {name} matters."])
    used = [word for each in touching for word in content(each) if word in looked_for]
    common = sorted(set(used), key=lambda word: (-used.count(word), word))
    concrete = [each for each in touching if any(c.isdigit() for c in each) or entities(each)]
    mood = sum(map(tone, touching)) / len(touching)
    value = (
        0.35 * min(1.0, len(common) / 12)
        + 0.2 * min(1.0, len(touching) / len(every) / 0.5)
        + 0.2 * min(1.0, 1.5 * len(concrete) / len(touching))
        + 0.25 * (1 + mood) / 2
    )
    missing = sorted(looked_for.difference(used))
    some = sorted(prompt.rng("missing").sample(missing, min(3, len(missing))))
    never = f", and never of {spoken(some, 'or')}" if some else ""
    told = f"It speaks of {spoken(common[:4])} in {len(touching)} of its {len(every)} sentences"
    reasons = [f"{told}{never}."]
    reasons += [f"It is concrete: {quote(each)}" for each in concrete[:1]]
    gloomiest = min(touching, key=tone)
    if tone(gloomiest) < 0:
        reasons.append(f"It names a difficulty: {quote(gloomiest)}")
    reasons += [f"It says: {quote(each)}" for each in touching if each not in concrete[:1]]
    return Score(value, reasons)


def severity(prompt: Prompt) -> Score:
    """Rate how harmful a text is, through the lens that the instructions name.

    Words aimed at a person weigh more; a moderator who looks at the context lets quoted or
    negated words weigh less.
    """
    text = prompt.source or prompt.material
    said, instructions = set(map(stem, words(text))), prompt.instructions.lower()
    lenses = [kinds for lens, kinds in HARM_LENSES.items() if lens in instructions]
    looked_at = {kind for kinds in lenses for kind in kinds} or set(HARM)
    aimed = 1.0 if said & {"you", "your", "he", "she", "they"} else 0.7
    excused = "context" in instructions and (NEGATIONS & set(words(text)) or '"' in text)
    innocence, reasons = 1.0, []
    for kind, (weight, listed_words) in HARM.items():
        found = sorted(lexicon(listed_words) & said)
        if kind == "privacy" and any(e.kind in ("email", "number") for e in entities(text)):
            found.append("personal data")
        if found and kind in looked_at:
            innocence *= 1 - weight * aimed * (0.5 if excused else 1.0)
            reasons.append(f"It shows signs of {kind}: {spoken(found)}.")
    return Score(1 - innocence, reasons or ["None of the words it looks for is in the text."])


def urgency(text: str) -> float:
    """Rate from 0 to 1 how much a text hurries: by its words, its tone, its exclamation marks."""
    hurried = len(URGENT & (set(content(text)) | set(words(text))))
    return min(1.0, 0.3 * hurried + 0.3 * max(0.0, -tone(text)) + 0.1 * min(2, text.count("!")))


def category(text: str, names: list[str]) -> str | None:
    """Return which of the categories a text speaks of most; None where it speaks of none."""
    said = [stem(word) for word in words(text)]
    rated = []
    for name in names:
        key = _category_key(name)
        known = lexicon(CATEGORIES[key]) if key else frozenset[str]()
        own = lexicon(name.replace("_", " ").lower())
        rated.append((sum((w in known) + 1.5 * (w in own) for w in said), name))
    most, name = max(rated, key=lambda each: each[0], default=(0.0, ""))
    return name if most > 0 else None


def answer(prompt: Prompt) -> Answer:
    """Answer the prompt's question: by arithmetic, or with the given sentences that fit best."""
    question = prompt.question or prompt.topic
    told = prompt.instructions.lower()
    roughly = re.search(r"\b(?:estimat|approximat|rough|round)", told) and "exact" not in told
    if (worked := work_out(question, bool(roughly))) is not None:
        return Answer(
            worked.steps.rpartition("= ")[2], [], worked.steps, 0.95 if worked.sure else 0.5
        )
    found = _found(prompt, question)
    if found:
        text = " ".join(f"{sentence} [{source}]" for _, source, sentence in found)
        sources = list(dict.fromkeys(source for _, source, _ in found))
        steps = f"Of all sentences given, these share most with {question!r}."
        return Answer(text, sources, steps, min(0.9, found[0][0]))
    if prompt.sources:
        return Answer("What is given does not answer the question.", [], "Nothing fits.", 0.2)
    doubt = 0.05 + 0.1 * prompt.rng("doubt").random()
    return Answer(NO_KNOWLEDGE, [], "There is nothing to work from.", round(doubt, 2))


def choose(prompt: Prompt, among: list[str] | None = None) -> Choice | None:
    """Choose the listed option that fits the rest of the prompt best; None without options.

    `among` are the ids that may be chosen. An option fits by the words it shares with the brief,
    by being neither curt nor long, and by having a figure in it.
    """
    options, rest = _options(prompt)
    if among is not None:
        options = [item for item in options if item.id in among]
    if not options:
        return None
    brief = f"{rest}\n{prompt.instructions}" if rest else prompt.material
    fit = {index: share for share, index in matching([o.text for o in options], brief)}

    def worth(index: int) -> float:
        text = options[index].text
        length = 1 - min(1.0, abs(len(text) - 55) / 55)
        return fit[index] * 3 + 0.3 * length + 0.1 * any(c.isdigit() for c in text)

    index = max(range(len(options)), key=lambda i: (worth(i), -i))
    shared = sorted(set(content(brief)) & set(content(options[index].text)))
    has = f"it has {spoken(shared[:3])} in common with the brief" if shared else "it is clearest"
    return Choice(options[index], f"Of {len(options)}, {has}: {quote(options[index].text)}")


def evidence(prompt: Prompt, about: str) -> str:
    """Return the given sentence that says most about something, word for word."""
    found = best(prompt.source or prompt.material, 1, about)
    return found[0] if found else NO_KNOWLEDGE


def quote(sentence: str) -> str:
    """Put a sentence into quotation marks, shortened."""
    return f"“{shorten(sentence, _QUOTED)}”"


def spoken(things: list[str], conjunction: str = "and") -> str:
    """Join things as one says them: a, b and c."""
    *most, last = things or [""]
    return f"{', '.join(most)} {conjunction} {last}" if most else last


def _viewpoint(prompt: Prompt, hint: str) -> tuple[str, frozenset[str]]:
    for word in (*words(hint.replace("_", " ")), *words(prompt.instructions)):
        name = VIEWPOINTS_ALIKE.get(word, word)
        if name in VIEWPOINTS:
            return name, lexicon(VIEWPOINTS[name])
    subject = prompt.subject or frozenset(content(prompt.topic))
    return spoken(sorted(subject)[:2]) or "these", subject


def _category_key(name: str) -> str | None:
    for word in map(stem, words(name.replace("_", " "))):
        key = CATEGORIES_ALIKE.get(word, word)
        if key in CATEGORIES:
            return key
    return None


def _found(prompt: Prompt, question: str) -> list[tuple[float, str, str]]:
    """Return at most three sentences that answer: how well, from which passage, the sentence."""
    given = [(item.id, sentence) for item in prompt.items for sentence in prose(item.text)]
    rated = matching([sentence for _, sentence in given], question)
    least = max(_ENOUGH, 0.6 * rated[0][0]) if rated else 1.0
    found = [(share, *given[index]) for share, index in rated[:3] if share >= least]
    return found or _spread(prompt, question, [(share, *given[index]) for share, index in rated])


def _spread(
    prompt: Prompt, question: str, rated: list[tuple[float, str, str]]
) -> list[tuple[float, str, str]]:
    """Return the best sentences of a passage that answers as a whole, where none does alone."""
    whole = matching([item.text for item in prompt.items], question)
    if not whole or whole[0][0] < _ENOUGH:
        return []
    best_of_all = prompt.items[whole[0][1]].id
    return [each for each in rated if each[1] == best_of_all and each[0] > 0][:3]


def _options(prompt: Prompt) -> tuple[list[Item], str]:
    """Tell the options from the brief they are to fit."""
    for name, text in prompt.sources.items():
        if len(found := listed(text)) > 1:
            rest = [each for other, each in prompt.blocks.items() if other != name]
            return found, "\n".join(rest)
    numbered = re.compile(r"^(?:option|candidate|headline|answer|choice|image)_?(\w+)$")
    found = [
        Item(match[1], text)
        for name, text in prompt.sources.items()
        if (match := numbered.match(name))
    ]
    rest = [text for name, text in prompt.blocks.items() if not numbered.match(name)]
    return (found if len(found) > 1 else []), "\n".join(rest)
