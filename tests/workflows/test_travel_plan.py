"""`travel_plan`: four searches, and an itinerary whose days, hours and sums are right."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.openai_server import Asked, OpenAIServer, Status, Text
from support.web import Reply, Web
from support.workflows import example, invoke, run_example

from graphs.builders import InputError
from graphs.travel_plan import workflow

TRIP: dict[str, Any] = {
    "destination": "Port Alder",
    "start_date": "2026-09-18",  # a Friday
    "end_date": "2026-09-21",
    "travellers": 3,
}
LABELS = {"hotels": "hotels for the trip", "events": "events to go to", "restaurants": "dine at"}


def choosing(*titles: str) -> Any:
    """Answer with the ids of the options that have these titles."""

    def answer(asked: Asked) -> dict[str, Any]:
        options = re.findall(r'<option id="(\d+)">\n(.*?)\. ', asked.text)
        ids = {title: number for number, title in options}
        chosen = [ids[title] for title in titles if title in ids] or [options[0][0]]
        return {"choices": [{"id": each, "reason": "It fits."} for each in chosen]}

    return answer


@pytest.fixture
def agent(openai_server: OpenAIServer) -> OpenAIServer:
    openai_server.labels = LABELS
    openai_server.answers = choosing(
        "Lantern House",
        "Chamber music in the sail loft",
        "Lighthouse climb",
        "Old Customs Kitchen",
        "Noodle Pier",
    )
    return openai_server


def entries(result: dict[str, Any], kind: str) -> dict[str, tuple[str, str, float | None]]:
    """Return (time, title, price) by date."""
    return {
        day["date"]: (entry["time"], entry["title"], entry["price"])
        for day in result["itinerary"]
        for entry in day["entries"]
        if entry["kind"] == kind
    }


async def test_each_day_has_its_date_and_each_offer_a_day_on_which_it_can_be_had(
    agent: OpenAIServer,
) -> None:
    result = await invoke("travel_plan", **TRIP)
    assert [day["date"][-2:] for day in result["itinerary"]] == ["18", "19", "20", "21"]
    assert entries(result, "flight") == {
        "2026-09-18": ("11:05", "Island Hopper 40 to Port Alder", 3 * 74.5),
        "2026-09-21": ("10:15", "Coastal Link 212 from Port Alder", 3 * 88.0),
    }
    assert entries(result, "hotel") == {
        "2026-09-18": ("", "Lantern House, 3 nights, 2 rooms", 6 * 89.0)
    }
    assert entries(result, "event") == {
        # Not on Friday, when the climb at 11:00 is before the landing; the music is on Saturday.
        "2026-09-19": ("19:30", "Chamber music in the sail loft", 72.0),
        "2026-09-20": ("11:00", "Lighthouse climb", 22.5),
    }
    assert entries(result, "restaurant") == {
        "2026-09-18": ("19:30", "Old Customs Kitchen", 138.0),
        "2026-09-19": ("17:30", "Noodle Pier", 48.0),
        "2026-09-20": ("19:30", "Old Customs Kitchen", 138.0),
    }


async def test_the_total_is_the_sum_of_the_entries(agent: OpenAIServer) -> None:
    result = await invoke("travel_plan", **TRIP)
    prices = [entry["price"] for day in result["itinerary"] for entry in day["entries"]]
    assert result["total_price"] == {"EUR": sum(prices)}
    assert f"**Total price for 3 travellers: {sum(prices):,.2f} EUR**" in result["plan"]
    assert result["missing"] == []
    assert result["plan"].count("(source: sample catalogue)") == len(prices)


async def test_a_source_that_fails_leaves_a_plan_that_says_so(agent: OpenAIServer) -> None:
    agent.script("hotels", Status(400))
    result = await invoke("travel_plan", **TRIP)
    assert result["status"] == "partial"
    assert list(result["failures"]) == ["hotels"]
    assert entries(result, "hotel") == {}
    assert len(entries(result, "flight")) == 2
    [missing] = result["missing"]
    assert missing.startswith("The hotels could not be looked up: ")
    assert missing in result["plan"]


async def test_a_choice_that_was_not_offered_is_asked_for_again(agent: OpenAIServer) -> None:
    invented = {"choices": [{"id": "99", "reason": "Lovely."}]}
    agent.script("hotels", Text(json.dumps(invented)))
    result = await invoke("travel_plan", **TRIP)
    assert agent.counts["hotels"] == 2
    assert result["offers"]["hotels"][0]["title"] == "Lantern House"


async def test_an_unknown_destination_is_not_made_up_and_costs_nothing(
    agent: OpenAIServer,
) -> None:
    result = await invoke("travel_plan", **{**TRIP, "destination": "Port Haven"})
    assert result["status"] == "complete"
    assert result["total_price"] == {}
    assert len(result["missing"]) == 4
    assert "There are no hotels for Port Haven on these days." in result["plan"]
    assert agent.asked == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end_date": "2026-09-18"}, "end_date, 2026-09-18, must lie after start_date, 2026-09-18"),
        ({"end_date": "2026-09-17"}, "must lie after"),
        ({"end_date": "2026-12-18"}, "a trip may last 60 nights, not 91"),
        (
            {"start_date": "18.9.2026"},
            "'start_date' is wrong: it must be a date such as 2026-09-18",
        ),
        ({"end_date": "2026-02-30"}, "'end_date' is wrong: it must be a date"),
        ({"travellers": 0}, "'travellers' is wrong"),
    ],
)
def test_a_trip_that_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        workflow.check({**TRIP, **change})


FLIGHTS = [
    {"title": "Return ticket", "data": {"price": "310.00", "currency": "USD"}},
    {"title": "Dear ticket", "data": {"price": 999, "currency": "USD"}},
]


async def test_a_real_interface_takes_the_place_of_the_sample(
    agent: OpenAIServer, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{web.url}/f?to={{query}}&on={{start_date}}&back={{end_date}}&n={{travellers}}"
    (tmp_path / "s.toml").write_text(
        f'[flights]\nurl = "{url}"\ndata = {{ price = "data.price", currency = "data.currency" }}\n'
    )
    monkeypatch.setenv("BRAID_SOURCES", str(tmp_path / "s.toml"))
    web.answers["/f"] = [Reply("busy", 503, {"Retry-After": "0"}), Reply(FLIGHTS)]
    result = await invoke("travel_plan", **TRIP)
    assert web.paths() == ["/f", "/f"], "an error of the server is tried again"
    assert web.asked[1].params == {
        "to": "Port Alder",
        "on": "2026-09-18",
        "back": "2026-09-21",
        "n": "3",
    }
    assert entries(result, "flight") == {"2026-09-18": ("", "Return ticket", 930.0)}
    assert result["total_price"]["USD"] == 930.0
    assert result["missing"] == []
    assert "Return ticket, 930.00 USD (source: flights)" in result["plan"]


async def test_what_has_no_price_is_named_and_not_counted(
    agent: OpenAIServer, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.csv").write_text("title,text,place,price\nCamp,A field,Port Alder,ask\n")
    (tmp_path / "s.toml").write_text('[hotels]\nfile = "own.csv"\n')
    monkeypatch.setenv("BRAID_SOURCES", str(tmp_path / "s.toml"))
    result = await invoke("travel_plan", **TRIP)
    assert "Camp, 3 nights, 2 rooms has no price; the total is without it." in result["missing"]
    assert "price unknown (source: hotels)" in result["plan"]


@pytest.mark.parametrize("destination", ["Málaga", "Malaga", "MALAGA"])
async def test_a_table_of_ones_own_may_write_days_hours_and_accents_as_tables_do(
    agent: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, destination: str
) -> None:
    (tmp_path / "e.csv").write_text(
        "title,place,days,time,price\n"
        'Market,Málaga,"Sat, Sunday",9:30,4\n'
        "Regatta,Málaga,mon,,0\n"
        "Evening,Málaga,fri,7:30 PM,5\n"
    )
    (tmp_path / "s.toml").write_text('[events]\nfile = "e.csv"\n')
    monkeypatch.setenv("BRAID_SOURCES", str(tmp_path / "s.toml"))
    agent.answers = choosing("Market", "Regatta", "Evening")
    result = await invoke("travel_plan", **{**TRIP, "destination": destination})
    assert entries(result, "event") == {
        "2026-09-18": ("", "Evening", 15.0),  # half days are not guessed at
        "2026-09-19": ("09:30", "Market", 12.0),
        "2026-09-21": ("", "Regatta", 0.0),
    }


async def test_what_is_closed_on_every_day_is_never_visited(
    agent: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "e.csv").write_text(
        "title,place,days,closed\n"
        'Ruin,Málaga,,"mon, tue, wed, thu, fri, sat, sun"\n'
        'Fair,Málaga,"fri, sat","fri"\n'
    )
    (tmp_path / "s.toml").write_text('[events]\nfile = "e.csv"\n')
    monkeypatch.setenv("BRAID_SOURCES", str(tmp_path / "s.toml"))
    agent.answers = choosing("Ruin", "Fair")
    result = await invoke("travel_plan", **{**TRIP, "destination": "Málaga"})
    assert {day: event[1] for day, event in entries(result, "event").items()} == {
        "2026-09-19": "Fair"
    }


def test_the_example_is_planned_offline(braid: Cli) -> None:
    output = run_example(braid, "travel_plan")
    asked = example("travel_plan")
    days = [date.fromisoformat(day["date"]) for day in output["itinerary"]]
    assert (days[0].isoformat(), days[-1].isoformat()) == (asked["start_date"], asked["end_date"])
    assert output["total_price"]["EUR"] > 0
    assert output["missing"] == []
    assert "sample catalogue" in output["plan"]


def test_a_wrong_date_on_the_command_line_is_a_sentence(braid: Cli) -> None:
    result = braid("run", "travel_plan", "destination=X", "start_date=soon", "end_date=2026-01-02")
    assert result.status == 2
    assert "must be a date such as 2026-09-18" in result.err
    assert "Traceback" not in result.err
