"""Above the floor, or at it: the one test, for the trials of a learning rate as for the cells of a study.

It stands below both, because weights must not depend on how results are judged.
"""

import numpy as np
import scipy

AT_FLOOR = "at its floor"
ALPHA = 0.05  # the chance that what only guesses passes for knowledge


def above_floor(right: np.ndarray, queries: np.ndarray, floor: float, tests: int = 1) -> bool:
    """Whether an exact match is above the floor, one-sided; of several `tests` each at its part of 5 % (Bonferroni)."""
    return p_at_floor(right, queries, floor) < ALPHA / tests


def p_at_floor(right: np.ndarray, queries: np.ndarray, floor: float) -> float:
    """One-sided p of an exact match that is no better than the floor.

    `right` and `queries` (P,) are right answers and questions of each program. Queries of one program share its
    assignments, so programs are the draws: the mean of ratios has a linearised standard error over programs
    (Cochran 1977, section 6.4). Where all programs come out alike, each counts as one draw of a binomial.
    """
    programs, total = len(right), queries.sum()
    reached = right.sum() / total
    residual = right - reached * queries
    error = np.sqrt(programs / max(1, programs - 1) * (residual**2).sum()) / total
    if error == 0:
        return float(scipy.stats.binom.sf(round(reached * programs) - 1, programs, floor))
    return float(scipy.stats.t.sf((reached - floor) / error, programs - 1))
