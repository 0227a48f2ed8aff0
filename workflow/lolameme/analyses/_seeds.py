"""Seeds of an architecture: means over them, and what all of them say."""

import math
from typing import TYPE_CHECKING

from lolameme.study.exhibits import INTERVAL, SEEDS, STACK, Column

if TYPE_CHECKING:
    import pandas as pd

KEYS = list(STACK)
LOST = SEEDS | {  # the columns of what `costs` finds, behind its keys
    "exact_match": Column(float, "of the whole stack, mean over seeds", "share"),
    "cost": Column(float, "exact match lost, mean over seeds", "share"),
    **INTERVAL,
}


def mean(values: "pd.Series") -> tuple[float, float, float]:
    """Mean over the seeds (S,) of which a value is defined, and its 95 % t interval; NaN where it is of none."""
    from lolameme.statistics.means import interval

    known = values.dropna().to_numpy()
    return interval(known) if len(known) else (math.nan,) * 3


def costs(cells: "pd.DataFrame", whole: "pd.Series", keys: list[str]) -> list[tuple]:
    """Per group of changes its `keys`, the seeds, the whole stack's exact match, and the loss of it with its interval.

    `cells` are rows of a table with `exact_match`; nothing is changed in those that `whole`, (rows,) bool, tells.
    """
    same = [*KEYS, "asked", "seed"]
    before = cells[whole].set_index(same)["exact_match"].rename("before")
    changed = cells[~whole].join(before, on=same)
    changed = changed.assign(cost=changed["before"] - changed["exact_match"])
    return [
        (*names, len(group), group["before"].mean(), *mean(group["cost"]))
        for names, group in changed.groupby(keys, sort=False)
    ]


def agree(rows: "pd.DataFrame", holds: "pd.Series", seeds: set[int]) -> bool:
    """Whether something holds in all rows, and all seeds have one: what is undefined (NaN) or missing does not hold."""
    return bool(holds.all()) and set(rows["seed"]) == seeds


def all_of(count: int) -> str:
    """How a sentence says that all seeds agree: `5 of 5 seeds`."""
    return f"{count} of {count} seed{'s' if count > 1 else ''}"
