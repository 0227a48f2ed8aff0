"""The routes by which a cell can recall what a program bound: names that reports share without loading torch."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

BIND, DIRECT, NOTHING, UNDEFINED = "bind, then look up", "direct", "no binding", "undefined"
ROUTES = (BIND, DIRECT, NOTHING, UNDEFINED)


def counted(verdicts: "pd.Series") -> str:
    """Of the cells of an architecture how many take which route: `direct 2/3, no binding 1/3`."""
    counts = verdicts.value_counts()
    return ", ".join(f"{route} {counts[route]}/{len(verdicts)}" for route in ROUTES if route in counts)
