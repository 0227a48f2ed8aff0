"""What cells answered, and what follows for each: exact match, whether it is above its floor, whether it locked in."""

from dataclasses import dataclass

import numpy as np

from lolameme.base.floor import above_floor
from lolameme.statistics.lock_in import CEILING, goal


@dataclass(frozen=True)
class Answers:
    """Right answers and questions of each program of a split, for one cell."""

    hits: np.ndarray  # (P,) float
    queries: np.ndarray  # (P,)
    floor: float  # exact match that needs no binding

    @property
    def exact_match(self) -> float:
        return float(self.hits.sum() / self.queries.sum())

    @property
    def above(self) -> bool:
        """Whether the exact match is above the floor, by a test at 5 %."""
        return above_floor(self.hits, self.queries, self.floor)

    @property
    def locked(self) -> bool:
        """Whether the cell is halfway from its floor to 1 or further, and above the floor by the test."""
        return bool(self.exact_match >= goal(self.floor)) and self.above

    @property
    def high(self) -> bool:
        """Whether the cell is at the ceiling."""
        return self.exact_match >= CEILING


@dataclass(frozen=True)
class Outcomes:
    """The cells of one arm by seed (S) and architecture (A); the seeds of all arms of a study have one order.

    Of a combination of variants, `locked` and `above` are codes with a bit for each variant: cells are of one kind
    where their codes are the same.
    """

    values: np.ndarray  # (S, A) exact match, or a combination of several
    locked: np.ndarray  # (S, A) whether a cell locked in
    above: np.ndarray  # (S, A) whether it is better than its floor by a test
    high: np.ndarray  # (S, A) bool: at the ceiling, in all variants
    goal: np.ndarray  # (S, A) value from which on a cell locks in, of a combination in its heaviest variant

    @property
    def by_seed(self) -> np.ndarray:
        """(S,) mean over the architectures of the arm."""
        return self.values.mean(1)
