"""Structured output of the offline model: every bound is kept, and every field says something."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, create_model

from nodes.models import Image, fill
from nodes.models.asking import _messages
from nodes.models.offline import OfflineModel
from nodes.models.offline.measuring import NO_KNOWLEDGE
from nodes.models.wire import response_format

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CONTRACT = (EXAMPLES / "service_agreement.md").read_text()

NAMES = st.sampled_from(
    [
        *("answer", "body", "category", "choice", "citations", "claims", "confidence", "count"),
        *("date", "description", "entities", "hashtags", "headline", "id", "index", "items"),
        *("keywords", "kind", "label", "notes", "options", "price", "purpose", "queries"),
        *("questions", "quote", "reason", "reasons", "risks", "score", "sections", "sentiment"),
        *("severity", "similarity", "source", "steps", "strengths", "summary", "tags", "title"),
        *("topics", "urgency", "url", "verdict", "vote", "winner", "year", "x", "y", "z"),
    ]
)


class Colour(enum.Enum):
    """An enumeration."""

    RED = "red"
    BLUE = "blue"


def bounds(low: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    return st.tuples(low, low).map(sorted).map(tuple)  # type: ignore[arg-type]


@st.composite
def whole_numbers(draw: st.DrawFn) -> Any:
    low, high = draw(bounds(st.integers(-(10**20), 10**20)))
    step = draw(st.sampled_from([None, 1, 3, 7]))
    match draw(st.sampled_from(["both", "low", "high", "outside", "none"])):
        case "both" if high - low >= 14:
            return Annotated[int, Field(ge=low, le=high, multiple_of=step)]
        case "low":
            return Annotated[int, Field(ge=low, multiple_of=step)]
        case "high":
            return Annotated[int, Field(le=high)]
        case "outside" if high - low >= 14:
            return Annotated[int, Field(gt=low, lt=high)]
    return int


@st.composite
def real_numbers(draw: st.DrawFn) -> Any:
    low, high = draw(bounds(st.floats(-1e300, 1e300)))
    match draw(st.sampled_from(["both", "low", "high", "outside", "step", "none"])):
        case "both":
            return Annotated[float, Field(ge=low, le=high)]
        case "low":
            return Annotated[float, Field(ge=low)]
        case "high":
            return Annotated[float, Field(lt=high)]
        case "outside" if high - low > abs(high) * 1e-6:
            return Annotated[float, Field(gt=low, lt=high)]
        case "step":
            return Annotated[float, Field(ge=-20, le=30, multiple_of=0.5)]
    return float


@st.composite
def texts(draw: st.DrawFn) -> Any:
    least = draw(st.sampled_from([None, 0, 1, 40, 300]))
    most = draw(st.sampled_from([None, 0, 1, 2, 17, 160]))
    if least is not None and most is not None and least > most:
        least = None
    return Annotated[str, Field(min_length=least, max_length=most)]


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    least, most = draw(bounds(st.integers(0, 9)))
    kind = draw(inner)
    match draw(st.sampled_from(["both", "low", "high", "none"])):
        case "both":
            return Annotated[list[kind], Field(min_length=least, max_length=most)]
        case "low":
            return Annotated[list[kind], Field(min_length=least)]
        case "high":
            return Annotated[list[kind], Field(max_length=most)]
    return list[kind]


@st.composite
def models(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> type[BaseModel]:
    fields = draw(st.dictionaries(NAMES, st.tuples(inner, st.booleans()), max_size=4))
    defined: dict[str, Any] = {
        name: (kind, Field(default=None, description="At most two items.") if loose else ...)
        for name, (kind, loose) in fields.items()
    }
    return create_model("Generated", **defined)


CHOICES = st.sampled_from(
    [
        Literal["positive", "negative", "neutral"],
        Literal["low", "medium", "high"],
        Literal["allow", "block", "abstain"],
        Literal["bug report", "feature_request", "other"],
        Literal[1, 2, 3],
        Literal["only"],
        Colour,
    ]
)
PLAIN = st.one_of(whole_numbers(), real_numbers(), texts(), CHOICES, st.just(bool))
KINDS = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        lists(inner), models(inner), inner.map(lambda kind: kind | None), lists(models(inner))
    ),
    max_leaves=6,
)
PROMPTS = st.sampled_from(
    [
        "Judge the document.",
        "Name five to twelve keywords of the document.",
        "Answer the question from the passages.",
        "Choose the option that fits best.",
        "You are a moderator. Vote.",
        "Score the document for legal safety.",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.just(CONTRACT[:3000]), st.just("tea"), st.just(""))


@given(models(KINDS), PROMPTS, TEXTS)
@settings(max_examples=150, deadline=None)
def test_every_bound_of_a_schema_is_kept(
    model: type[BaseModel], instructions: str, text: str
) -> None:
    structured = OfflineModel().with_structured_output(model)
    made = structured.invoke(_messages(instructions, (), {"document": text}))
    assert isinstance(made, model)


@given(models(KINDS), TEXTS)
@settings(max_examples=100, deadline=None)
async def test_every_bound_is_kept_as_it_travels_on_the_wire(
    model: type[BaseModel], text: str
) -> None:
    assert isinstance(await fill(None, model, "Judge the text.", text=text), model)


@given(models(KINDS), TEXTS)
@settings(max_examples=50, deadline=None)
def test_equal_schemas_and_texts_give_equal_values(model: type[BaseModel], text: str) -> None:
    messages = _messages("Judge the text.", (), {"text": text})
    wanted = response_format(model)
    first, second = (OfflineModel().invoke(messages, response_format=wanted) for _ in range(2))
    assert first.text == second.text


class Tree(BaseModel):
    """A model that contains itself."""

    name: str
    parent: Tree | None
    children: list[Tree]


async def test_a_model_that_contains_itself_comes_to_an_end() -> None:
    made = await fill(None, Tree, "Draw the tree of the document.", document=CONTRACT)
    assert isinstance(made, Tree)


async def test_json_schema_gives_a_dict() -> None:
    schema = {"type": "object", "properties": {"score": {"type": "integer", "maximum": 5}}}
    made = await OfflineModel().with_structured_output(schema).ainvoke("Score it: fine.")
    assert 0 <= made["score"] <= 5


# What the fields say


class Score(BaseModel):
    """A reviewer's judgement."""

    score: float = Field(ge=0, le=10)
    reasons: list[str] = Field(min_length=1, max_length=5, description="One sentence each.")


async def test_each_viewpoint_scores_differently_and_quotes_the_document() -> None:
    scores = {}
    for side in ("technical", "business", "legal"):
        made = await fill(None, Score, f"Review its {side} side. Score it.", document=CONTRACT)
        scores[side] = made.score
        quotes = [part.split("”")[0] for each in made.reasons for part in each.split("“")[1:]]
        assert quotes
        text = " ".join(CONTRACT.split())
        assert all(quote.rstrip("…") in text for quote in quotes)
    assert len(set(scores.values())) == 3


async def test_a_text_scores_highest_in_what_it_speaks_of() -> None:
    clause = "Liability is limited; the contract ends by termination, and German law governs it."
    legal, technical = [
        (await fill(None, Score, f"Review the {side} side. Score it.", document=clause)).score
        for side in ("legal", "technical")
    ]
    assert legal > technical


async def test_a_text_that_says_nothing_of_a_matter_scores_zero_in_it() -> None:
    made = await fill(None, Score, "Review the legal side. Score it.", document="The sea is blue.")
    assert made.score == 0
    assert made.reasons[0] == "None of its 1 sentences speaks of legal matters."


class Judgement(BaseModel):
    """What an entry says."""

    sentiment: Literal["positive", "neutral", "negative"]
    category: Literal["bug", "feature request", "billing", "praise", "other"]
    urgency: int = Field(ge=1, le=5)


@pytest.mark.parametrize(
    ("entry", "sentiment", "category"),
    [
        ("The app crashes every time, please fix it urgently!", "negative", "bug"),
        ("I wish you would add a dark mode.", "neutral", "feature request"),
        ("You charged my card twice, I want a refund.", "neutral", "billing"),
        ("I love it, great work!", "positive", "praise"),
        ("Hello from the coast.", "neutral", "other"),
    ],
)
async def test_feedback_is_sorted_by_its_words(entry: str, sentiment: str, category: str) -> None:
    made = await fill(None, Judgement, "Judge one entry of feedback.", entry=entry)
    assert (made.sentiment, made.category) == (sentiment, category)


async def test_what_hurries_is_urgent() -> None:
    calm, hurried = [
        (await fill(None, Judgement, "Judge one entry of feedback.", entry=entry)).urgency
        for entry in ("A nice day.", "Urgent: I cannot login and the deadline is today!")
    ]
    assert calm == 1
    assert hurried >= 4


class Ballot(BaseModel):
    """A vote."""

    decision: Literal["allow", "block", "abstain"]
    reason: str


@pytest.mark.parametrize(
    ("lens", "text", "decision"),
    [
        ("safety: threats and harm", "I will hurt you.", "block"),
        ("policy: spam and fraud", "I will hurt you.", "allow"),
        ("policy: spam and fraud", "Click here, you are a lottery winner, free casino!", "block"),
        ("safety: threats and harm", "What a lovely day.", "allow"),
    ],
)
async def test_moderators_see_through_their_own_lens(lens: str, text: str, decision: str) -> None:
    made = await fill(None, Ballot, f"You are a moderator for {lens}. Vote.", text=text)
    assert made.decision == decision


async def test_a_choice_among_listed_options_is_the_one_that_fits_the_brief() -> None:
    options = "sunset: The sun sets over the sea\nbread: A loaf of sourdough bread on a table"
    schema: Any = create_model("Picked", image=(Literal["sunset", "bread"], ...))
    made = await fill(
        None, schema, "Choose the image that fits.", brief="A sourdough course", catalogue=options
    )
    assert made.image == "bread"


class Reply(BaseModel):
    """An answer."""

    reasoning: str
    answer: str
    confidence: float = Field(ge=0, le=1)


async def test_what_is_calculated_is_sure_and_what_is_not_known_is_not() -> None:
    sums = await fill(None, Reply, "Answer the question.", question="What is 12 * 12?")
    facts = await fill(None, Reply, "Answer the question.", question="Who built the Louvre?")
    assert (sums.answer, sums.reasoning) == ("144", "12 * 12 = 144")
    assert sums.confidence > 0.9
    assert facts.answer == NO_KNOWLEDGE
    assert facts.confidence < 0.2


class Claim(BaseModel):
    """A claim with its source."""

    text: str
    source: str
    quote: str


class Claims(BaseModel):
    """Claims."""

    claims: list[Claim]


async def test_claims_quote_the_passage_they_name() -> None:
    passages = {"1": "The lake is deep. It is cold.", "2": "A ticket costs 40 euros."}
    shown = "\n".join(f'<passage id="{id}">\n{t}\n</passage>' for id, t in passages.items())
    made = await fill(None, Claims, "Make claims about the passages.", passages=shown)
    assert {claim.source for claim in made.claims} == {"1", "2"}
    assert all(claim.quote in passages[claim.source] for claim in made.claims)


class Section(BaseModel):
    """A planned section."""

    title: str
    brief: str


class Plan(BaseModel):
    """A plan."""

    sections: list[Section] = Field(min_length=1, max_length=100)


async def test_a_plan_has_as_many_sections_as_the_instructions_allow() -> None:
    made = await fill(None, Plan, "Plan a report: three to five sections.", topic="Tea")
    assert 3 <= len(made.sections) <= 5
    assert len({section.title for section in made.sections}) == len(made.sections)


class Tagged(BaseModel):
    """Hashtags."""

    hashtags: list[Annotated[str, Field(pattern=r"^#\w+$")]] = Field(min_length=4, max_length=4)


@pytest.mark.parametrize("topic", ["Tea", "Remote work for small teams", "茶", "?"])
async def test_a_pattern_is_kept_also_by_what_fills_up_a_list(topic: str) -> None:
    made = await fill(None, Tagged, "Choose four hashtags.", topic=topic)
    assert len(set(made.hashtags)) == 4


class Scene(BaseModel):
    """What can be seen."""

    description: str
    objects: list[str]
    place: str | None


async def test_it_does_not_pretend_to_see() -> None:
    made = await fill(None, Scene, "Describe the image.", images=[Image(b"x", "image/png")])
    assert made.description == "The offline model cannot see images."
    assert made.objects == []
    assert made.place is None
