"""How parallel writes to one key become one value.

Use one as the last metadata of a state key: `scores: Annotated[list[float], add]`. Each is total,
pure and associative, takes None on either side for "nothing yet", and says whether the order of
the branches matters (commutative) and whether the same write may come twice in a row (idempotent).
`reducers.laws.check` proves it, for these and for your own.
"""

from reducers.dicts import deep_merge, merge, tally
from reducers.lists import add, top_k, union, upsert
from reducers.numbers import average, keep_max, keep_min, mean, mean_of
from reducers.ranking import rank_fusion, ranked, ranks_of

__all__ = [
    "add",
    "average",
    "deep_merge",
    "keep_max",
    "keep_min",
    "mean",
    "mean_of",
    "merge",
    "rank_fusion",
    "ranked",
    "ranks_of",
    "tally",
    "top_k",
    "union",
    "upsert",
]
