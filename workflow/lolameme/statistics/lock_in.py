"""Lock-in: whether a cell has learned the rule of its task, or sits on its floor.

Outcomes are bistable: a stack finds the rule and answers nearly everything, or stays at what guessing reaches. A mean
of two modes describes no cell, so the outcome of an arm is k of n: how many of its cells lock in. The cells of a seed,
which share its world, are no replicates; seeds are.
"""

from functools import cache

import numpy as np
import scipy

from lolameme.statistics.means import ALPHA, LEVEL, POWER
from lolameme.statistics.permutation import exchanged

LOCKED = 0.5  # share of the way from the floor to 1: the middle, equally far from both modes, needs no tuning
CEILING = 0.98  # exact match from which on a task tells architectures apart no more


def goal(floor: np.ndarray | float) -> np.ndarray | float:
    """The exact match from which on a cell counts as locked in: halfway from the floor to 1."""
    return floor + LOCKED * (1 - floor)


def share_locked(locked: int, cells: int) -> tuple[float, float]:
    """The exact 95 % interval of the chance to lock in, from k of n cells (Clopper & Pearson 1934)."""
    found = scipy.stats.binomtest(locked, cells).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


@cache
def fisher(locked: int, cells: int, other_locked: int, other_cells: int) -> float:
    """Two-sided p of two arms with the same chance to lock in (Fisher's exact test)."""
    table = [[locked, cells - locked], [other_locked, other_cells - other_locked]]
    return float(scipy.stats.fisher_exact(table).pvalue)


def same_share(above: np.ndarray, below: np.ndarray) -> float:
    """Two-sided p of two arms whose cells lock in as often, from whether each does: bool (S seeds, A architectures).

    The unit is the seed: the stacks of an arm share its world and may share their luck, so the arms' shares by seed are
    exchanged. But shares of several stacks vary less than those of one, and if their cells are independent these are
    no like units; then Fisher's exact test of the cells holds. What holds in both cases is the larger of the two p.
    For arms of one stack each both are Fisher's exact test.
    """
    shares = exchanged(above.mean(1), below.mean(1))
    return max(float(shares), fisher(int(above.sum()), above.size, int(below.sum()), below.size))


@cache
def fewest(units: int, alpha: float = ALPHA, others: int | None = None) -> float:
    """How many of so many units must lock in, against none of the others, for Fisher's p < alpha; infinite if all are
    too few. The others are as many unless told."""
    enough = (k for k in range(1, units + 1) if fisher(k, units, 0, others or units) < alpha)
    return next(enough, np.inf)


@cache
def smallest_share(seeds: int, alpha: float = ALPHA, power: float = POWER) -> float:
    """The smallest chance of a seed to lock in, against an arm that never does, that is found with this power.

    NaN where the seeds are too few even for always against never. Seeds lock in with all stacks of their arm.
    """
    needed = fewest(seeds, alpha)
    if needed > seeds:
        return np.nan
    # P(X >= k) for X ~ Binomial(S, p) is the beta distribution's function: its quantile is the chance sought
    return float(scipy.stats.beta.ppf(power, needed, seeds - needed + 1))


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
