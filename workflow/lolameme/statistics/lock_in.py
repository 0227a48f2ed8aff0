"""Lock-in: whether a cell has learned the rule of its task, or sits on its floor.

Outcomes are bistable: a stack finds the rule and answers nearly everything, or stays at what guessing reaches. A mean
of two modes describes no cell, so the outcome of an arm is k of n: how many of its cells lock in.
"""

from functools import cache

import numpy as np
from scipy import stats

from lolameme.statistics.means import ALPHA, LEVEL, POWER

LOCKED = 0.5  # share of the way from the floor to 1: the middle, equally far from both modes, needs no tuning
CEILING = 0.98  # exact match from which on a task tells architectures apart no more


def goal(floor: np.ndarray | float) -> np.ndarray | float:
    """The exact match from which on a cell counts as locked in: halfway from the floor to 1."""
    return floor + LOCKED * (1 - floor)


def share_locked(locked: int, cells: int) -> tuple[float, float]:
    """The exact 95 % interval of the chance to lock in, from k of n cells (Clopper & Pearson 1934)."""
    found = stats.binomtest(locked, cells).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


@cache
def fisher(locked: int, cells: int, other_locked: int, other_cells: int) -> float:
    """Two-sided p of two arms with the same chance to lock in (Fisher's exact test)."""
    table = [[locked, cells - locked], [other_locked, other_cells - other_locked]]
    return float(stats.fisher_exact(table).pvalue)


def smallest_share(cells: int, other_cells: int, alpha: float = ALPHA) -> float:
    """The smallest chance to lock in, against an arm that never does, that Fisher's test finds with 80 % power.

    NaN where the cells are too few even for always against never. `cells` belong to the arm that locks in.
    """
    found = [k for k in range(cells + 1) if fisher(k, cells, 0, other_cells) < alpha and k > 0]
    if not found:
        return np.nan
    # P(X >= k) for X ~ Binomial(cells, p) is the beta distribution's function: its quantile is the chance sought
    return float(stats.beta.ppf(POWER, found[0], cells - found[0] + 1))


def steps_to_lock_in(steps: np.ndarray, exact_match: np.ndarray, floor: float, locked: bool) -> float:
    """The first step from which on the exact match on valid stays above the goal; infinite where it ends below.

    `steps` (T,) rise. A cell that has not `locked` in at the end, by the test that `Answers` has for it, is censored
    wherever its curve lies: it took more steps than it was given.
    """
    if not locked:
        return np.inf
    below = np.flatnonzero(exact_match < goal(floor))
    if not len(below):
        return float(steps[0])
    return float(steps[below[-1] + 1]) if below[-1] + 1 < len(steps) else np.inf


def censored(steps: float | None, given: int) -> str:
    """Steps to lock-in in a table: `250`, or `> 1000` where 1000 steps were not enough; a dash where not measured."""
    if steps is None or np.isnan(steps):
        return "–"
    return f"{steps:.0f}" if np.isfinite(steps) else f"> {given}"
