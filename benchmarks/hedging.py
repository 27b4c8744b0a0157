"""Hedged requests: the second provider is asked when the first has not answered after a while."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from langgraph.runtime import Runtime

from benchmarks.measuring import Section, Target, percentile
from benchmarks.toys import Done, Input, Output, State, count
from graphs.builders import FanOut
from nodes.race import race_of
from state import Context

REQUESTS, AT_ONCE, SEED = 2_000, 20, 1
MEDIAN, SPREAD = 0.1, 0.3
SLOW, SLOW_SHARE = 2.0, 0.03
DELAY = 0.3


def latency(request: int, provider: int) -> float:
    """Return the seconds that a provider takes: log-normal, and now and then far longer."""
    chance = random.Random(f"{SEED} {request} {provider}")
    usual = MEDIAN * chance.lognormvariate(0, SPREAD)
    return usual + (SLOW if chance.random() < SLOW_SHARE else 0)


def measure() -> Section:
    """Send the same requests with and without a hedge."""
    plain, asked_plainly = asyncio.run(_measure(hedged=False))
    hedged, asked = asyncio.run(_measure(hedged=True))
    extra = asked / asked_plainly - 1
    rows = [
        [name, f"{percentile(s, 0.5) * 1000:.0f} ms", f"{percentile(s, 0.99) * 1000:.0f} ms", more]
        for name, s, more in (("one provider", plain, ""), ("hedged", hedged, f"{extra:.1%}"))
    ]
    return Section(
        name="hedging",
        title="Hedging",
        note=(
            f"{REQUESTS:,} runs, {AT_ONCE} at a time, of a fan-out whose branches race. A request "
            f"takes {MEDIAN * 1000:.0f} ms in the median (log-normal, sigma {SPREAD}), and "
            f"{SLOW_SHARE:.0%} of them {SLOW:.0f} s more; the second provider is asked after "
            f"{DELAY * 1000:.0f} ms."
        ),
        columns=["", "p50", "p99", "requests more"],
        rows=rows,
        targets=[
            Target(
                "hedging, p99 over p99 without",
                percentile(hedged, 0.99) / percentile(plain, 0.99),
                at_most=0.5,
            ),
            Target("hedging, requests over requests without", 1 + extra, at_most=1.10),
        ],
    )


async def _measure(*, hedged: bool) -> tuple[list[float], int]:
    """Return the seconds of each run until its answer, and how often a provider was asked."""
    asked = 0

    def provider(place: int) -> Any:
        async def ask(state: State, runtime: Runtime[Context]) -> Done:
            async def answer() -> int:
                nonlocal asked
                asked += 1
                await asyncio.sleep(latency(state["n"], place))
                return place

            won = await race_of(runtime).run(str(place), answer, after=place, delay=DELAY)
            return {"done": [] if won is None else [won]}

        return ask

    workflow = FanOut(
        name="measured_hedge",
        input=Input,
        state=State,
        output=Output,
        branches={f"provider_{place}": provider(place) for place in range(1 + hedged)},
        aggregator=count,
        quorum=1,
    )
    graph, turns = workflow.compile(), asyncio.Semaphore(AT_ONCE)

    async def one(request: int) -> float:
        async with turns:
            begun = asyncio.get_running_loop().time()
            result = await graph.ainvoke({"n": request})
            assert result["total"] == 1
            return asyncio.get_running_loop().time() - begun

    return list(await asyncio.gather(*(one(request) for request in range(REQUESTS)))), asked
