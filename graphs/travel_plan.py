"""Plan a trip: flights, hotels, events and restaurants in one dated, priced itinerary."""

from __future__ import annotations

from graphs.builders import FanOut
from nodes.travel_plan import (
    a_possible_trip,
    events,
    flights,
    hotels,
    make_itinerary,
    restaurants,
)
from state.travel_plan import TravelInput, TravelOutput, TravelState

workflow = FanOut(
    name="travel_plan",
    input=TravelInput,
    state=TravelState,
    output=TravelOutput,
    branches={
        "flights": flights,
        "hotels": hotels,
        "events": events,
        "restaurants": restaurants,
    },
    aggregator=make_itinerary,
    quorum=2,  # Half a plan can be completed by hand; a single list is no plan.
    validate=a_possible_trip,
)
graph = workflow.compile()
