"""Write: one small function per kind of text, and the table that picks one by the instructions.

What is made up here is made of the prompt's own words. What would need knowledge is quoted from
the data that was given, or refused in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeAlias, TypeVar

from nodes.models.offline.measuring import NO_KNOWLEDGE, answer, choose, score, severity, spoken
from nodes.models.offline.prompt import Prompt, limits, listed
from nodes.models.offline.text import (
    best,
    content,
    entities,
    prose,
    sentences,
    shorten,
    terms,
    tone,
    words,
)
from nodes.models.offline.words import STOP_WORDS

Made = TypeVar("Made")
Rows: TypeAlias = tuple[tuple[str, Made], ...]
"""A table: patterns, each with what is made where a text names it."""
Writer = Callable[[Prompt], str]


def write(prompt: Prompt) -> str:
    """Write what the instructions ask for, within the length they allow."""
    return within(task(prompt.instructions)(prompt), prompt.instructions)


def task(instructions: str) -> Writer:
    """Find the kind of text that instructions ask for: the one they name first.

    "You are a poet." names a role, so such a sentence counts only where no other names a kind.
    """
    said = [each for each in sentences(instructions) if not each.startswith(("You are", "As a"))]
    for text in (" ".join(said), instructions):
        if writer := named_in(text, TASKS) or named_in(text, _VAGUE_TASKS):
            return writer
    return summary


def named_in(text: str, rows: Rows[Made], last: bool = False) -> Made | None:
    """Find the row that a text names first (or last), the longer name of two there."""
    found: dict[tuple[int, int], Made] = {}
    for pattern, made in rows:
        for match in re.finditer(rf"\b(?:{pattern})\b", text, re.IGNORECASE):
            place = match.end() if last else -match.start()
            found.setdefault((place, len(match[0])), made)
    return found[max(found)] if found else None


def within(text: str, instructions: str) -> str:
    """Cut a text to the sentences, words and characters that the instructions allow."""
    _, most = limits(instructions, "sentences?")
    if most and len(prose(text)) > most and "\n" not in text:
        text = " ".join(prose(text)[:most])
    _, most = limits(instructions, "words?")
    if most and len(text.split()) > most:
        text = _cut(text, most)
    _, most = limits(instructions, "characters?")
    return shorten(text, most) if most else text


def _cut(text: str, most: int) -> str:
    """Cut a text to so many words: after a whole sentence where one fits."""
    kept: list[str] = []
    for sentence in prose(text):
        if len(" ".join([*kept, sentence]).split()) > most:
            break
        kept.append(sentence)
    return " ".join(kept) or " ".join(text.split()[:most]).rstrip(",;:-") + "…"


def summary(prompt: Prompt) -> str:
    """Say in few sentences what the given text says; of a bare topic, that nothing is known."""
    if not prompt.sources:
        return _ignorance(prompt)
    text = "\n\n".join(_told(each) for each in prompt.sources.values())
    low, high = prompt.limits("sentences?")
    count = high or low or max(2, min(6, len(prose(text)) // 4))
    return " ".join(_ended(each) for each in best(text, count, prompt.wanted))


def synthesis(prompt: Prompt) -> str:
    """Bring several given parts together in one text."""
    given = {name: text for name, text in prompt.sources.items() if text.strip()}
    parts = [_part(k, v) for k, v in given.items() if k != "topic" or len(given) == 1]
    if not parts:
        return _ignorance(prompt)
    about = prompt.topic if "topic" in prompt.blocks else None
    opening = prompt.rng("synthesis").choice(
        ("On {}, the parts agree on this.", "Taken together, this is {}.", "{} in one view.")
    )
    return "\n\n".join([capital(opening.format(about))] * bool(about) + parts)


def section(prompt: Prompt) -> str:
    """Write one section of a report: from the sources, else what it would have to answer."""
    if prompt.sources and len(words(prompt.source)) > 40:
        title = set(content(prompt.topic))
        about = [each for each in prose(prompt.source) if title.intersection(content(each))]
        text = "\n\n".join(about) if len(about) > 1 else prompt.source
        return " ".join(_ended(each) for each in best(text, 5, prompt.topic))
    asked = " ".join(islice(questions(prompt), 3))
    return f"No source was given for “{prompt.topic}”. It should answer: {asked} {NO_KNOWLEDGE}"


def titled(prompt: Prompt) -> str:
    """Make a title or a headline; the instructions' style decides on its form."""
    told = prompt.instructions.lower()
    styles = [lines for style, lines in _HEADLINES.items() if re.search(style, told)]
    lines = styles[0] if styles else tuple(line for each in _HEADLINES.values() for line in each)
    return title_case(_with_terms(prompt, prompt.rng("headline").choice(lines)))


def subject_line(prompt: Prompt) -> str:
    """Make an e-mail's subject line, with an offer where the brief has one."""
    offers = [e.text for e in entities(prompt.material) if e.kind in ("money", "number")]
    line = _with_terms(prompt, prompt.rng("subject").choice(_SUBJECTS))
    return capital(f"{line}: {offers[0]}" if offers else line)


def meta_description(prompt: Prompt) -> str:
    """Describe a page for a search engine's result."""
    if prompt.sources and len(words(prompt.source)) > 20:
        return shorten(_ended(best(prompt.source, 1)[0]), 160)
    line = prompt.rng("meta").choice(_META)
    return shorten(capital(_with_terms(prompt, line)), 160)


def social_post(prompt: Prompt) -> str:
    """Write a post for a social network, with hashtags unless they are not wanted."""
    post = capital(_with_terms(prompt, prompt.rng("post").choice(_POSTS)))
    bare = re.search(r"\b(?:no|without)\b[^.]*\bhash", prompt.instructions.lower())
    return post if bare else f"{post} {' '.join(islice(hashtags(prompt), 2))}"


def call_to_action(prompt: Prompt) -> str:
    """Say what the reader is to do, with the verb that suits the brief."""
    said = set(content(prompt.material))
    verbs = [line for cue, line in _ACTIONS.items() if cue in said]
    return capital(_with_terms(prompt, (verbs or [_ACTIONS["else"]])[0]))


def email_body(prompt: Prompt) -> str:
    """Write the body of an e-mail from the brief's own sentences."""
    said = [_ended(each) for each in best(prompt.material, 5)]
    half = -(-len(said) // 2)
    return "\n\n".join(" ".join(part) for part in (said[:half], said[half:]) if part)


def joke(prompt: Prompt) -> str:
    """Tell a joke with the topic in it."""
    return capital(_with_terms(prompt, prompt.rng("joke").choice(_JOKES)))


def poem(prompt: Prompt) -> str:
    """Write four couplets around the topic."""
    couplets = prompt.rng("poem").sample(_COUPLETS, 4)
    lines = [line for couplet in couplets for line in couplet]
    return "\n".join(capital(_with_terms(prompt, line)) for line in lines)


def story(prompt: Prompt) -> str:
    """Tell a very short story: a beginning, a trouble, a turn and an end."""
    rng = prompt.rng("story")
    _, most = prompt.limits("words?")
    turns = 2 if most and most >= 100 else 1
    lines = [line for stage in _STORY for line in rng.sample(stage, turns)]
    return " ".join(capital(_with_terms(prompt, line)) for line in lines)


def answered(prompt: Prompt) -> str:
    """Answer the question, with its sources."""
    found = answer(prompt)
    return found.steps if found.steps.endswith(f"= {found.text}") else found.text


def translated(prompt: Prompt) -> str:
    """Hand the text back, marked: the offline model knows one language, and that one badly."""
    asked = re.search(r"\b(?:into|to)\s+([A-Z]\w+)", prompt.instructions)
    language = prompt.blocks.get("language") or (asked[1] if asked else "another language")
    text = re.sub(r"^\[not translated [^\]]*\]\s*", "", prompt.source or prompt.material)
    return f"[not translated into {language}: offline model] {text}"


def judged(prompt: Prompt) -> str:
    """Pick one of the options and say why."""
    chosen = choose(prompt)
    return f"{chosen.item.id}. {chosen.reason}" if chosen else summary(prompt)


def reviewed(prompt: Prompt) -> str:
    """Review a text from a viewpoint, with reasons from the text."""
    found = score(prompt)
    return " ".join([f"{10 * found.value:.1f} of 10.", *found.reasons[:4]])


def moderated(prompt: Prompt) -> str:
    """Say what is wrong with a text, or that nothing is."""
    found = severity(prompt)
    return " ".join(["Review." if found.value >= 0.4 else "Allow.", *found.reasons])


def felt(prompt: Prompt) -> str:
    """Name the feeling of a text."""
    return feeling(tone(prompt.material))


def feeling(mood: float) -> str:
    """Name a tone between -1 and 1."""
    return "positive" if mood > 0.15 else "negative" if mood < -0.15 else "neutral"


def questions(prompt: Prompt) -> Iterator[str]:
    """Ask about the topic, without an end: each question once for every key term."""
    lines = prompt.rng("questions").sample(_QUESTIONS, len(_QUESTIONS))
    subjects = _subjects(prompt)
    for turn in range(len(lines) * max(1, len(subjects))):
        a = subjects[(turn + turn // len(lines)) % len(subjects)]
        yield capital(lines[turn % len(lines)].format(a=a))


def hashtags(prompt: Prompt) -> Iterator[str]:
    """Make hashtags of the key terms."""
    for term in _subjects(prompt, 20):
        if tag := "".join(word[:1].upper() + word[1:] for word in words(term)):
            yield "#" + re.sub(r"\W", "", tag)


def queries(prompt: Prompt) -> Iterator[str]:
    """Say a question in other words for a search engine: its terms, and each pair of them."""
    question = prompt.question or prompt.topic
    meant = [word for word in words(question) if word not in STOP_WORDS]
    yield " ".join(meant)
    yield " ".join(sorted(meant, key=len, reverse=True)[:3])
    for left, one in enumerate(meant):
        yield " ".join(meant[:left] + meant[left + 1 :]) or one
        yield f"{one} {meant[left - 1]}"


def plan(prompt: Prompt) -> Iterator[tuple[str, str]]:
    """Plan a report: titles of sections, each with what it is to say; from the sources if any."""
    for term in terms(prompt.source, 20):
        yield title_case(term), best(prompt.source, 1, term)[0]
    a = prompt.topic or "this"
    for title, purpose in _SECTIONS:
        yield capital(title.format(a=a)), purpose.format(a=a)


def title_case(text: str) -> str:
    """Capitalise a headline, all but its little words."""
    cased = [
        word if word.lower() in STOP_WORDS and index else word[:1].upper() + word[1:]
        for index, word in enumerate(text.split())
    ]
    return " ".join(cased)


def capital(text: str) -> str:
    """Begin a text with a capital letter."""
    return text[:1].upper() + text[1:]


def _ignorance(prompt: Prompt) -> str:
    parts = spoken([f"“{term}”" for term in _subjects(prompt)[:3]])
    return f"Asked about {parts}, with no text to read. {NO_KNOWLEDGE}"


def _told(text: str) -> str:
    """Return a block as running text: a JSON list as its items."""
    found = listed(text) if text.lstrip().startswith(("[", "{")) else []
    return "\n".join(_ended(item.text) for item in found) if found else text


def _part(name: str, text: str) -> str:
    label = capital(name.replace("_", " "))
    found = [item.text for item in listed(text)] or [
        line.strip() for line in text.splitlines() if line.strip() and len(line) < 120
    ]
    if len(found) > 1:
        joined = " ".join(map(_ended, found)) if "?" in text else f"{', '.join(found[:10])}."
        return f"{label}: {joined}"
    return f"{label}: {' '.join(_ended(each) for each in best(text, 2))}"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", "…", "”", '"')) else f"{sentence}."


def _subjects(prompt: Prompt, count: int = 8) -> list[str]:
    """Return the key terms of the topic, else of the material, in lower case where common."""
    text = prompt.blocks.get("topic") or prompt.material
    found = terms(text, count) or (prompt.topic,)
    return [_lowered(term) for term in found if term] or ["this"]


def _with_article(term: str, text: str) -> str:
    found = re.search(rf"\b(an?|the|our|my|your) {re.escape(term)}\b", text, re.IGNORECASE)
    return found[0][: len(found[1])].lower() + f" {term}" if found else term


def _lowered(term: str) -> str:
    proper = any(c.isupper() for c in term[1:]) or (" " not in term and term.isupper())
    return term if proper else term.lower()


def _with_terms(prompt: Prompt, line: str) -> str:
    first, *others = (_with_article(term, prompt.material) for term in _subjects(prompt))
    second = next(iter(sorted(others, key=_oddity(prompt.material))), "the rest of us")
    topic = prompt.topic if len(prompt.topic) <= 60 else first
    return line.format(a=first, b=second, topic=topic)


def _oddity(text: str) -> Callable[[str], int]:
    """Rate how odd a term would look as a noun: not at all after an article or a preposition."""

    def rate(term: str) -> int:
        lead = rf"\b(?:an?|the|of|for|in|on|with|from)\s+{re.escape(term)}\b"
        known = term.startswith(("a ", "an ", "the ")) or re.search(lead, text, re.IGNORECASE)
        return 0 if known else 1 + term.count(" ")

    return rate


def _lines(make: Callable[[Prompt], Iterator[str]], unit: str, usual: int) -> Writer:
    """Turn a maker of many things into a writer of a list of as many as are asked for."""

    def writer(prompt: Prompt) -> str:
        low, high = prompt.limits(unit)
        return "\n".join(islice(make(prompt), high or low or usual))

    return writer


def _planned(prompt: Prompt) -> Iterator[str]:
    return (f"{title}: {purpose}" for title, purpose in plan(prompt))


def _key_terms(prompt: Prompt) -> Iterator[str]:
    return iter(terms(prompt.material, 20))


def _named(prompt: Prompt) -> Iterator[str]:
    return (f"{entity.text} ({entity.kind})" for entity in entities(prompt.material))


TASKS: Rows[Writer] = (
    (r"jokes?|puns?|something funny", joke),
    (r"poems?|verses?|haiku|limerick", poem),
    (r"stor(?:y|ies)|tale", story),
    (r"subject line|subject of (?:an|the) e-?mail", subject_line),
    (r"calls?[ -]to[ -]action|cta", call_to_action),
    (r"meta[ -]description", meta_description),
    (r"hashtags?", lambda prompt: " ".join(islice(hashtags(prompt), 5))),
    (r"social(?:[ -]media)? (?:media )?post|tweet", social_post),
    (r"headlines?|titles?", titled),
    (r"(?:back[ -])?translat\w+", translated),
    (r"choose|pick|which of|select", judged),
    (r"moderat\w+|harmful|violates?", moderated),
    (r"synthes\w+|combine|bring .{0,40}together|weave|join|merge|edit", synthesis),
    (r"(?:report )?section", section),
    (r"plan|outline|sections", _lines(_planned, "sections?", 5)),
    (r"(?:search )?quer(?:y|ies)|rewrite|rephrase|reword", _lines(queries, "quer(?:y|ies)", 3)),
    (r"key ?(?:terms|words|phrases)", _lines(_key_terms, "key ?(?:terms|words|phrases)", 8)),
    (r"entities|named? things", _lines(_named, "entities", 12)),
    (r"sentiment|feeling|mood|tone", felt),
    (r"answer|solve|work out|reason step", answered),
    (r"questions?", _lines(questions, "questions?", 3)),
    (r"introduction|introduce", summary),
    (r"summar\w+|condense|shorten|abstract|gist|overview", summary),
    (r"review|assess|score|rate|evaluate", reviewed),
)
_VAGUE_TASKS: Rows[Writer] = (
    (r"e-?mails?", email_body),
    (r"judge", judged),
    (r"reports?|articles?|briefs?|compare", synthesis),
)

_HEADLINES = {
    r"question|curio": (
        "{a}: the answer to {b}?",
        "What if {a} changed {b}?",
        "What can {a} do for {b}?",
        "Are we ready for {a}?",
    ),
    r"how[ -]to|practical|guide|benefit": (
        "How to get the most out of {a}",
        "How {a} can help with {b}",
        "A practical way into {a}",
        "Make {a} work for you",
    ),
    r"bold|provoc|punch|surpris|dar": (
        "{a} will not wait",
        "Forget what you know about {a}",
        "{b} was only the beginning: here comes {a}",
        "The quiet power of {a}",
    ),
    r"number|list|figure": (
        "3 things to know about {a}",
        "5 reasons to look at {a} today",
        "7 links between {a} and {b}",
        "One idea, two words: {a}",
    ),
    r"plain|factual|news|clear|sober": (
        "{topic}",
        "{a} and {b}: what there is to know",
        "{topic}: the essentials",
        "{a}, explained",
    ),
}
_SUBJECTS = (
    "{a} is here",
    "meet {a}",
    "a closer look at {a}",
    "{a} for {b}",
    "your next step: {a}",
    "news about {a}",
)
_META = (
    "{topic}: what it means, what it takes, and where to begin, from {a} to {b}.",
    "a clear look at {topic}: the ideas behind {a}, the common questions, and the next steps.",
    "learn what matters about {topic}, from {a} to {b}, in a few minutes.",
    "everything that counts about {topic}, with {a} at the centre, told plainly.",
)
_POSTS = (
    "we have been thinking about {topic}. What is your experience with {a}?",
    "{topic}: small steps count. Where would you start with {b}?",
    "if you only read one thing about {topic} today, let it be this: {a} begins with {b}.",
    "hot take: {a} is easier to talk about than to do. Tell us how you handle {topic}.",
)
_ACTIONS = {
    "registration": "register today",
    "register": "register today",
    "event": "save your seat",
    "webinar": "save your seat",
    "trial": "start your free trial",
    "free": "try it for free",
    "discount": "get the offer",
    "sale": "get yours",
    "launch": "be among the first",
    "download": "download it now",
    "course": "sign up now",
    "book": "book now",
    "else": "find out more",
}
_JOKES = (
    "why did {a} cross the road? Because {b} had already been tried on this side.",
    "I asked an expert about {a}. He said: it depends. I asked what on. He said: {b}.",
    "how many people does it take to understand {a}? Two: one to explain it and one to nod.",
    "a bar sells {a} now. I asked for {b}. They said: that is what everybody asks for.",
    "my doctor told me to forget {a}. Now I cannot get {b} out of my head.",
    "they told me to keep {a} simple. I do: I begin at the end and hope for {b}.",
    "what do {a} and my diet have in common? Both start on Monday.",
    "I would tell you a joke about {a}, but {b} would interrupt.",
)
_COUPLETS = (
    ("of {a} I sing at the edge of the light,", "where {b} will keep moving by day and by night."),
    (
        "it starts with a whisper, it ends with a song,",
        "with {a} in the chorus all evening long.",
    ),
    (
        "some call {b} too heavy a burden to hold,",
        "yet I found it was warm where they said it was cold.",
    ),
    ("the kettle was humming, the windows were wide,", "and {a} came in and sat down at my side."),
    ("so carry {b} as far as you may,", "and leave a small lantern for {a} on the way."),
    ("now quiet, now restless, now gone with the rain,", "{a}: a stranger I'd welcome again."),
    ("I looked for {b} in a book, in a dream,", "and {a} looked back from the bend of the stream."),
)
_STORY = (
    (
        "in a town that had never heard of {b}, an old clockmaker kept a drawer marked “{a}”.",
        "nobody at the harbour believed in {a}, least of all the girl who mended the nets.",
        "on the last day of autumn the post brought a parcel, and in it lay {a}.",
    ),
    (
        "one night it began to hum, and by morning people spoke of nothing but {b}.",
        "she laughed at first, until {b} stopped working and nobody knew why.",
        "it came with a note: do not mix with {b}. So of course somebody did.",
    ),
    (
        "the mayor called a meeting, but only a child thought to ask what {a} might be for.",
        "they tried everything that the old books said, and then they tried nothing at all.",
        "there was one way out, and it led straight through the thing they feared.",
    ),
    (
        "since then the drawer stands open, and whoever needs {a} may help himself.",
        "in the end they found no answer in {a}, only a better question.",
        "they still tell of that day, and whoever tells it claims to have started it.",
    ),
)
_QUESTIONS = (
    "what changes with {a}, and for whom?",
    "who gains most from {a}, and who bears the cost?",
    "how would one measure the success of {a}?",
    "what has to come before {a}?",
    "where are the limits of {a}?",
    "what is most often misunderstood about {a}?",
    "how did {a} come about?",
    "what would be the first step towards {a}?",
)
_SECTIONS = (
    ("{a} in brief", "Say what is meant by {a}, and what is not."),
    ("Why it matters", "Say who is concerned with {a} and what depends on it."),
    ("How it works", "Explain the parts of {a} and how they act together."),
    ("Where it is used", "Give examples of {a} in practice."),
    ("Limits and risks", "Say where {a} fails and what it costs."),
    ("What to do next", "Say how to begin with {a}, and what to measure."),
    ("Open questions", "Say what about {a} is not settled."),
)
