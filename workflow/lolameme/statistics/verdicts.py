"""One word, one test: what a contrast of two arms says, everywhere a study speaks of order.

Which test decides follows from the outcomes by a rule that treats both arms alike, so it favours none:
1. cells differ in lock-in: Fisher's exact test on k of n (a t test would take two modes for a normal spread);
2. else, cells differ in being above the floor: Fisher's exact test on that;
3. else all cells are of one kind, and their means are compared: the t test on per-seed differences.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lolameme.base.seeds import generator
from lolameme.statistics import lock_in, means
from lolameme.statistics.answers import Outcomes
from lolameme.statistics.means import ALPHA

SAME, OTHER, UNDECIDED = "same order", "other order", "undecided"
AT_CEILING, AT_FLOOR = "at the ceiling", "at its floor"
DEPENDS = "depends on the task"  # of the best place of a layer
SEEN, NOT_SEEN = "seen", "not seen"  # of what is counted, not tested
ORDER = (SAME, OTHER, DEPENDS)  # the verdicts that claim an order

BY_LOCK_IN, BY_FLOOR, BY_MEANS, BY_PERMUTATION = "lock-in", "above the floor", "means by seed", "permutation"
RESAMPLES = 9999


@dataclass(frozen=True)
class Tested:
    """The exact match of one arm minus that of another, with the test that decides between them."""

    difference: float  # mean over seeds, paired
    low: float
    high: float
    effect: float  # what the test is about: a difference of exact match, or of the share of cells that lock in
    p: float  # two-sided; NaN with one seed, or where both arms are at the ceiling or at their floor
    by: str | None  # the name of the test; None where there is none
    state: str | None  # AT_CEILING or AT_FLOOR where all cells of both arms are
    every_seed: bool  # the difference has one sign in all seeds: this describes, and decides nothing


def contrast(above: Outcomes, below: Outcomes, combined: bool = False) -> Tested:
    """Test an arm that is expected above another. Seeds pair them: a seed's cells answer the same programs.

    `combined` outcomes are sums over several variants. These have no lock-in of their own: where their cells are of
    several kinds, arms are compared by permuting cells between them.
    """
    differences = above.by_seed - below.by_seed
    mean, low, high = means.interval(differences)
    every = len(set(np.sign(differences))) == 1 and mean != 0
    state = _state(above, below)
    if state or len(differences) < 2:
        return Tested(mean, low, high, mean, np.nan, None, state, every)
    for by, a, b in ((BY_LOCK_IN, above.locked, below.locked), (BY_FLOOR, above.above, below.above)):
        outcomes = np.concatenate([a.ravel(), b.ravel()])
        if (outcomes != outcomes[0]).any():
            if combined:
                return Tested(mean, low, high, mean, _permuted(above, below), BY_PERMUTATION, None, every)
            p = lock_in.fisher(int(a.sum()), a.size, int(b.sum()), b.size)
            return Tested(mean, low, high, float(a.mean() - b.mean()), p, by, None, every)
    return Tested(mean, low, high, mean, means.paired(differences), BY_MEANS, None, every)


def _state(above: Outcomes, below: Outcomes) -> str | None:
    """Where all cells of both arms are, if that is where order cannot show."""
    if above.high.all() and below.high.all():
        return AT_CEILING
    return AT_FLOOR if not (above.above.any() or below.above.any()) else None


def _permuted(above: Outcomes, below: Outcomes) -> float:
    """Two-sided p of the difference of means if cells belonged to arms by chance."""
    return float(
        stats.permutation_test(
            (above.values.ravel(), below.values.ravel()),
            lambda a, b, axis: a.mean(axis) - b.mean(axis),
            vectorized=True,
            n_resamples=RESAMPLES,
            rng=generator(0, "permutation"),
        ).pvalue
    )


def could_have_found(tested: Tested, above: Outcomes, below: Outcomes, tests: int) -> float:
    """The smallest effect that the deciding test finds with 80 % power at the strictest step of Holm's `tests`.

    Of exact match for a test of means; of the share of cells that lock in, against an arm where none does, for
    Fisher's. NaN where the seeds are too few for any.
    """
    alpha, differences = ALPHA / max(1, tests), above.by_seed - below.by_seed
    if tested.by in (BY_LOCK_IN, BY_FLOOR):
        return lock_in.smallest_share(above.values.size, below.values.size, alpha)
    if len(differences) < 2:
        return np.nan
    return means.smallest_difference(float(np.std(differences, ddof=1)), len(differences), alpha)


def corrected(p: np.ndarray) -> np.ndarray:
    """P values corrected for their number (Holm 1979), which bounds the chance of any false one; NaN stays NaN.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none falls below the one before it.
    """
    found = np.array(p, float)
    tested = np.flatnonzero(~np.isnan(found))
    order = tested[np.argsort(found[tested], kind="stable")]
    scaled = found[order] * np.arange(len(order), 0, -1)
    found[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return found


def word(tested: Tested, p_corrected: float) -> str:
    """The verdict on the order that a contrast expects: its first arm above its second."""
    if tested.state:
        return tested.state
    if not p_corrected < ALPHA:
        return UNDECIDED
    return SAME if tested.effect > 0 else OTHER


def sentence(verdict: str, could: float, by: str | None) -> str:
    """A verdict as it is printed: `undecided` never without what could have been found."""
    if verdict != UNDECIDED:
        return verdict
    if np.isnan(could):
        return f"{UNDECIDED} (too few seeds to find any difference)"
    what = {BY_LOCK_IN: " of the cells locking in against none", BY_FLOOR: " of the cells above the floor against none"}
    return f"{UNDECIDED} (could have found {could:.2f}{what.get(by or '', '')})"
