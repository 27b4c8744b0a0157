"""Reciprocal rank fusion: several rankings become one.

Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank
Learning Methods" (SIGIR 2009).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import fsum

from reducers.dicts import table
from reducers.numbers import is_whole

Ranks = dict[str, list[int]]
"""For each document the ranks it was given, in ascending order; the best rank is 1."""

K = 60
"""The paper's constant: it keeps a single first place from deciding everything."""


def rank_fusion(left: Ranks | None, right: Ranks | None) -> Ranks:
    """Collect the ranks that each document was given. Commutative; not idempotent.

    A branch writes `ranks_of` its ranking; `ranked` reads the fused one. The ranks are kept and
    not their scores, because sums of floats would depend on the order of the branches.
    """
    ranks: Ranks = {}
    for side in (left, right):
        for document, given in table(side).items():
            sound = [rank for rank in given if is_rank(rank)] if isinstance(given, list) else []
            if sound and isinstance(document, str):
                ranks[document] = sorted([*ranks.get(document, []), *sound])
    return ranks


def ranks_of(documents: Iterable[str]) -> Ranks:
    """Return what a branch writes for its ranking, the best document first.

    A document that comes twice counts with its better rank.
    """
    return {name: [rank] for rank, name in enumerate(dict.fromkeys(documents), start=1)}


def ranked(ranks: Ranks | None) -> list[tuple[str, float]]:
    """Return (document, score) with the highest score first; ties go by the document's name.

    The score is the sum of 1 / (60 + rank) over the ranks that the document was given.
    """
    scores = {
        document: fsum(1 / (K + rank) for rank in given)
        for document, given in rank_fusion(ranks, None).items()
    }
    return sorted(scores.items(), key=lambda row: (-row[1], row[0]))


def is_rank(value: object) -> bool:
    """Tell a rank, a whole number from 1, from everything else."""
    return is_whole(value) and value >= 1
