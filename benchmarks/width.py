"""Time over the number of branches, beside the peers."""

from __future__ import annotations

import asyncio
import itertools
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import Section, Target, in_turns, ratio
from benchmarks.peers import PEERS, Peer
from benchmarks.toys import WAIT

REPEATS = {3: 25, 100: 11, 1_000: 7, 5_000: 9, 20_000: 5}
GATHER, BRAID, ALONE = "asyncio.gather", "Braid, SQLite", "Braid, SQLite, chunk_size=1"


def measure() -> Section:
    """Run every peer at every width, in turns.

    Each width is measured in a process of its own: what some peers leave behind, in memory and as
    threads, slows down everything after them.
    """
    ratios: dict[str, dict[int, float]] = {peer.name: {} for peer in PEERS}
    medians: dict[str, dict[int, float]] = {peer.name: {} for peer in PEERS}
    absent: dict[str, str] = {}
    groups = [[peer for peer in PEERS if not peer.apart]]
    groups += [[PEERS[0], peer] for peer in PEERS if peer.apart]
    for (width, repeats), group in itertools.product(REPEATS.items(), groups):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            seconds, missing = process.submit(_in_turns, width, repeats, group).result()
        absent |= missing
        for name, series in seconds.items():
            ratios[name].setdefault(width, ratio(series, seconds[GATHER]))
            medians[name].setdefault(width, statistics.median(series))
    return Section(
        name="width",
        title="Time over the number of branches",
        note=(
            f"Each branch waits {WAIT * 1000:.0f} ms. The first row is in milliseconds, the others "
            f"are ratios to it, medians of {min(REPEATS.values())} to {max(REPEATS.values())} "
            f"rounds in turns. `-`: not measured, a run would take minutes."
        ),
        columns=["", "kept when killed", *(f"{width:,}" for width in REPEATS)],
        rows=[_row(peer, medians, ratios, absent) for peer in PEERS],
        targets=[
            Target("3 branches, SQLite", ratios[BRAID][3], at_most=1.20),
            Target("1,000 items, SQLite, default chunks", ratios[BRAID][1_000], at_most=1.6),
            Target("1,000 items, SQLite, chunk_size=1", ratios[ALONE][1_000], at_most=6.0),
            Target("5,000 items, SQLite, default chunks", ratios[BRAID][5_000], at_most=2.5),
        ],
        series={name: points for name, points in medians.items() if points},
    )


def _in_turns(
    width: int, repeats: int, peers: Sequence[Peer]
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Return the seconds of each peer, and why others cannot be measured."""
    return asyncio.run(_at(width, repeats, peers))


async def _at(
    width: int, repeats: int, peers: Sequence[Peer]
) -> tuple[dict[str, list[float]], dict[str, str]]:
    runs, absent = {}, {}
    with TemporaryDirectory(prefix="braid-bench-") as folder:
        async with AsyncExitStack() as opened:
            for peer in peers:
                if width > peer.most:
                    continue
                try:
                    runs[peer.name] = await opened.enter_async_context(
                        peer.open(width, Path(folder))
                    )
                except ImportError as error:
                    absent[peer.name] = str(error)
            return await in_turns(runs, repeats, expected=width), absent


def _row(
    peer: Peer,
    medians: dict[str, dict[int, float]],
    ratios: dict[str, dict[int, float]],
    absent: dict[str, str],
) -> list[str]:
    if peer.name in absent:
        return [peer.name, f"not installed ({absent[peer.name]})", *("-" for _ in REPEATS)]
    if peer.name == GATHER:
        cells = [f"{medians[peer.name][width] * 1000:.0f} ms" for width in REPEATS]
    else:
        found = ratios[peer.name]
        cells = [f"{found[width]:.2f}" if width in found else "-" for width in REPEATS]
    return [peer.name, peer.keeps, *cells]
