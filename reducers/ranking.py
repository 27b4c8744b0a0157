"""Reciprocal rank fusion: several rankings become one.

Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank
Learning Methods" (SIGIR 2009).
"""

from __future__ import annotations

from typing import Any

K = 60
"""The paper's constant: it keeps a single first place from deciding everything."""


def rank_fusion(
    left: dict[str, list[str]] | None, right: dict[str, list[str]] | None
) -> dict[str, list[str]]:
    """Collect rankings, each a list of document ids under the name of what ranked them.

    Commutative as long as no two branches use one name (then the right one wins); idempotent.
    `ranked` reads the fused order: scores of floats kept in the state would depend on their order.
    """
    return {name: ids for side in (left, right) for name, ids in _rankings(side)}


def ranked(rankings: dict[str, list[str]] | None) -> list[tuple[str, float]]:
    """Return (document id, score) by falling score, the sum of 1 / (60 + rank) over all rankings.

    A document that a ranking names twice counts with its better rank; ties go by id.
    """
    scores: dict[str, float] = {}
    for _, ids in sorted(_rankings(rankings)):
        for rank, document in enumerate(dict.fromkeys(ids), start=1):
            scores[document] = scores.get(document, 0.0) + 1 / (K + rank)
    return sorted(scores.items(), key=lambda row: (-row[1], row[0]))


def _rankings(side: Any) -> list[tuple[str, list[str]]]:
    if not isinstance(side, dict):
        return []
    return [(name, ids) for name, ids in side.items() if isinstance(ids, list)]
