"""Four searches for one trip, and an itinerary made of what they found."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from nodes.models import UnusableAnswer, fill
from nodes.sources import Hit, source
from nodes.sources.citing import numbered
from nodes.sources.fts import terms, unaccented
from state import Context
from state.travel_plan import LONGEST_TRIP, Day, Entry, Offer, Offered, TravelState

HOTELS = "Choose up to three of the options, hotels for the trip, the most suitable first."
EVENTS = "Choose the options that suit the trip, events to go to, the most suitable first."
RESTAURANTS = "Choose the options that suit the trip, places to dine at, the most suitable first."

MOST_HITS = 30
"""Results of one source that are looked at."""
PER_ROOM = 2
"""People who share a hotel room."""
DINNER, EARLY_DINNER = "19:30", "17:30"
LATE = "18:30"
"""An event from this time on comes after dinner, which is then an early one."""
HOURS_TO_AIRPORT = 3
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KINDS = {"flights": "flight", "hotels": "hotel", "events": "event", "restaurants": "restaurant"}

_CLOCK = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)\b(?!(?::\d\d)?\s*[ap]\.?m)", re.IGNORECASE)
_WEEKDAY = re.compile(rf"\b({'|'.join(WEEKDAYS)})(?:(?:s|nes|rs|ur)?day)?\b", re.IGNORECASE)


class Choice(BaseModel):
    """One of the options."""

    id: str = Field(description="The id of the option, such as 2.")
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]


class Choices(BaseModel):
    """The options that were chosen, the best first."""

    choices: list[Choice] = Field(min_length=1, max_length=MOST_HITS)


class Planned(TypedDict):
    """What the aggregator writes."""

    itinerary: list[Day]
    total_price: dict[str, float]
    missing: list[str]
    plan: str


def a_possible_trip(values: Mapping[str, Any]) -> None:
    """Refuse a trip that ends before it begins, or lasts too long."""
    start, end = values["start_date"], values["end_date"]
    nights = (date.fromisoformat(end) - date.fromisoformat(start)).days
    if nights < 1:
        raise ValueError(f"end_date, {end}, must lie after start_date, {start}")
    if nights > LONGEST_TRIP:
        raise ValueError(f"a trip may last {LONGEST_TRIP} nights, not {nights}")


async def flights(state: TravelState) -> Offered:
    """Find the cheapest flight there on the first day and back on the last."""
    found = await _search("flights", state)
    days = _days(state)
    there = [each for each in found if each["direction"] == "out" and _is_on(each, days[0])]
    back = [each for each in found if each["direction"] == "back" and _is_on(each, days[-1])]
    tickets = [each for each in found if not each["direction"]]
    legs = _cheapest(there) + _cheapest(back)
    return {"offers": {"flights": legs if len(legs) == 2 else _cheapest(tickets) or legs}}


async def hotels(state: TravelState, runtime: Runtime[Context]) -> Offered:
    """Find hotels and choose the most suitable."""
    return {"offers": {"hotels": await _choose("hotels", HOTELS, state, runtime)}}


async def events(state: TravelState, runtime: Runtime[Context]) -> Offered:
    """Find what is on and choose what suits."""
    return {"offers": {"events": await _choose("events", EVENTS, state, runtime)}}


async def restaurants(state: TravelState, runtime: Runtime[Context]) -> Offered:
    """Find restaurants and choose the most suitable."""
    return {"offers": {"restaurants": await _choose("restaurants", RESTAURANTS, state, runtime)}}


async def make_itinerary(state: TravelState) -> Planned:
    """Set what was chosen on its days, add up what it costs, and say what is missing."""
    itinerary = _itinerary(state)
    entries = [entry for day in itinerary for entry in day["entries"]]
    total, missing = _total(entries), [*_missing(state), *_unpriced(entries)]
    return {
        "itinerary": itinerary,
        "total_price": total,
        "missing": missing,
        "plan": _written(state, itinerary, total, missing),
    }


# Searching and choosing


async def _search(name: str, state: TravelState) -> list[Offer]:
    """Return what a source offers at the destination."""
    destination = state["destination"]
    hits = await (await source(name)).search(
        destination,
        MOST_HITS,
        start_date=state["start_date"],
        end_date=state["end_date"],
        travellers=str(state["travellers"]),
    )
    wanted = _place(destination)
    return [_offer(hit) for hit in hits if wanted <= _place(_data(hit, "place") or destination)]


def _place(name: Any) -> set[str]:
    return set(terms(unaccented(str(name))))


async def _choose(
    name: str, instructions: str, state: TravelState, runtime: Runtime[Context]
) -> list[Offer]:
    """Have some of the offers chosen; without offers nobody is asked."""
    offers = await _search(name, state)
    if not offers:
        return []
    options = numbered("option", [_described(offer) for offer in offers])
    made = await fill(runtime, Choices, instructions, brief=_brief(state), options=options)
    by_id = {str(number): offer for number, offer in enumerate(offers, start=1)}
    chosen = {
        choice.id: Offer({**by_id[choice.id], "reason": choice.reason})
        for choice in made.choices
        if choice.id in by_id
    }
    if not chosen:
        raise UnusableAnswer(f"The model chose {name} that are none of the {len(offers)} offered.")
    return list(chosen.values())


def _brief(state: TravelState) -> str:
    people = f"{state['travellers']} travelling"
    trip = f"{state['destination']}, {state['start_date']} to {state['end_date']}, {people}."
    return f"{trip} {state['interests']}".strip()


def _described(offer: Offer) -> str:
    price = "" if offer["price"] is None else f" {offer['price']:.2f} {offer['currency']}."
    return f"{offer['title']}. {offer['text']}{price}"


def _offer(hit: Hit) -> Offer:
    closed = _weekdays(_data(hit, "closed"))
    days = _weekdays(_data(hit, "days")) or WEEKDAYS
    return Offer(
        title=hit["title"],
        text=hit["text"],
        url=hit["url"],
        source=hit["source"],
        price=_price(_data(hit, "price")),
        currency=str(_data(hit, "currency") or ""),
        time=_clock(_data(hit, "departs") or _data(hit, "time")),
        until=_clock(_data(hit, "arrives")),
        direction=str(_data(hit, "direction") or ""),
        days=[day for day in days if day not in closed],
        reason="",
    )


def _data(hit: Hit, key: str) -> Any:
    return hit.get("data", {}).get(key)


def _weekdays(value: Any) -> list[str]:
    """Return the days in a list as JSON has it, or in a text as CSV has it: `fri, sat`."""
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return [day.lower() for day in _WEEKDAY.findall(text)]


def _price(value: Any) -> float | None:
    """Read a price as JSON or CSV has it; what is no price is none."""
    try:
        price = float(Decimal(str(value)))
    except InvalidOperation:
        return None
    return price if 0 <= price < math.inf else None


def _clock(value: Any) -> str:
    """Return the time in `9:30`, `2026-09-18T19:30:00` and the like, but not of half days."""
    found = _CLOCK.search(str(value or "").replace("T", " "))
    return f"{found[1]:0>2}:{found[2]}" if found else ""


def _cheapest(offers: Iterable[Offer]) -> list[Offer]:
    """Return the one with the lowest price, if there is one; those without a price come last."""
    return sorted(offers, key=lambda each: (each["price"] is None, each["price"] or 0.0))[:1]


# The itinerary


def _days(state: TravelState) -> list[date]:
    first, last = map(date.fromisoformat, (state["start_date"], state["end_date"]))
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _is_on(offer: Offer, day: date) -> bool:
    return WEEKDAYS[day.weekday()] in offer["days"]


def _itinerary(state: TravelState) -> list[Day]:
    """Give each day an event and each night a dinner; fly and move in on the first day, and out."""
    days, people = _days(state), state["travellers"]
    chosen = {name: list(state["offers"].get(name, ())) for name in KINDS}
    there = [leg for leg in chosen["flights"] if leg["direction"] != "back"]
    back = [leg for leg in chosen["flights"] if leg["direction"] == "back"]
    rooms, nights = math.ceil(people / PER_ROOM), len(days) - 1
    itinerary = []
    for day in days:
        arriving, leaving = day == days[0], day == days[-1]
        begins = _landing(there) if arriving else "00:00"
        ends = _setting_out(back) if leaving else "24:00"
        entries = []
        if event := _take(chosen["events"], day, begins, ends):
            entries.append(_entry("event", event, event["time"], people))
        dinner = EARLY_DINNER if event and event["time"] >= LATE else DINNER
        if not leaving and begins <= dinner and (table := _take(chosen["restaurants"], day)):
            entries.append(_entry("restaurant", table, dinner, people))
            chosen["restaurants"].append(table)  # for when all have had their turn
        entries.sort(key=lambda entry: entry["time"])
        if arriving:
            stay = [_entry("hotel", each, "", rooms * nights) for each in chosen["hotels"][:1]]
            for entry in stay:
                entry["title"] += f", {_count(nights, 'night')}, {_count(rooms, 'room')}"
            entries = [*_flown(there, people), *stay, *entries]
        if leaving:
            entries += _flown(back, people)
        itinerary.append(Day(date=day.isoformat(), entries=entries))
    return itinerary


def _take(
    offers: list[Offer], day: date, begins: str = "00:00", ends: str = "24:00"
) -> Offer | None:
    """Take the first offer out of the list that is on that day, within the free time."""
    for offer in offers:
        if _is_on(offer, day) and (not offer["time"] or begins <= offer["time"] <= ends):
            offers.remove(offer)
            return offer
    return None


def _landing(legs: list[Offer]) -> str:
    """Return from when one is there; 24:00 for a flight that lands the day after."""
    for leg in legs:
        return leg["until"] if leg["until"] >= leg["time"] else "24:00"
    return "00:00"


def _setting_out(legs: list[Offer]) -> str:
    """Return by when one must leave for the airport."""
    for leg in legs:
        if leg["time"]:
            hour, minute = leg["time"].split(":")
            return f"{max(0, int(hour) - HOURS_TO_AIRPORT):02}:{minute}"
    return "24:00"


def _flown(legs: list[Offer], people: int) -> list[Entry]:
    return [_entry("flight", leg, leg["time"], people) for leg in legs]


def _entry(kind: str, offer: Offer, time: str, times: int) -> Entry:
    """Make a line of the itinerary, with the offer's price so many times."""
    price = offer["price"]
    return Entry(
        time=time,
        kind=kind,
        title=offer["title"],
        price=None if price is None else float(Decimal(str(price)) * times),
        currency=offer["currency"],
        url=offer["url"],
        source=offer["source"],
    )


# What it costs, what it lacks, how it reads


def _total(entries: Sequence[Entry]) -> dict[str, float]:
    total: dict[str, Decimal] = {}
    for entry in entries:
        if entry["price"] is not None:
            so_far = total.get(entry["currency"], Decimal(0))
            total[entry["currency"]] = so_far + Decimal(str(entry["price"]))
    return {currency: float(sum_) for currency, sum_ in total.items()}


def _missing(state: TravelState) -> Iterator[str]:
    for name in KINDS:
        found = state["offers"].get(name, [])
        if failure := state["failures"].get(name):
            yield f"The {name} could not be looked up: {failure['message']}"
        elif not found:
            yield f"There are no {name} for {state['destination']} on these days."
        elif name == "flights" and len(found) == 1 and (way := found[0]["direction"]):
            yield f"There is no flight {'back' if way == 'out' else 'there'} on that day."


def _unpriced(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        if entry["price"] is None:
            yield f"{entry['title']} has no price; the total is without it."


def _written(
    state: TravelState, itinerary: Sequence[Day], total: dict[str, float], missing: Sequence[str]
) -> str:
    """Write the plan as Markdown."""
    people = _count(state["travellers"], "traveller")
    period = f"{state['start_date']} to {state['end_date']}"
    parts = [f"# {state['destination']}, {period}, {people}"]
    for day in itinerary:
        weekday = f"{date.fromisoformat(day['date']):%A}"
        lines = [_line(entry) for entry in day["entries"]] or ["- nothing planned"]
        parts.append("\n".join([f"## {weekday}, {day['date']}", "", *lines]))
    sums = " and ".join(f"{amount:,.2f} {currency}".strip() for currency, amount in total.items())
    parts.append(f"**Total price for {people}: {sums or 'nothing has a price'}**")
    if missing:
        parts.append("\n".join(["Missing:", "", *(f"- {each}" for each in missing)]))
    return "\n\n".join(parts)


def _line(entry: Entry) -> str:
    when = f"{entry['time']} " if entry["time"] else ""
    price = "price unknown"
    if entry["price"] is not None:
        price = f"{entry['price']:,.2f} {entry['currency']}" if entry["price"] else "free"
    return f"- {when}{entry['kind']}: {entry['title']}, {price} (source: {entry['source']})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
