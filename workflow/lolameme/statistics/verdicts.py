"""One word, one test: what a contrast of two arms says, everywhere a study speaks of order.

Which test decides follows from the outcomes by a rule that treats both arms alike, so it favours none:
1. cells differ in lock-in: their shares by seed are exchanged between the arms, which for arms of one stack each is
   Fisher's exact test on k of n (a t test would take two modes for a normal spread);
2. else, cells differ in being above the floor: the same on that;
3. else all cells are of one kind, and their means are compared: the t test on per-seed differences.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from lolameme.base.floor import AT_FLOOR
from lolameme.base.seeds import generator
from lolameme.statistics import lock_in, means, permutation
from lolameme.statistics.answers import Outcomes
from lolameme.statistics.means import ALPHA

SAME, OTHER, UNDECIDED = "same order", "other order", "undecided"
AT_CEILING = "at the ceiling"
DEPENDS = "depends on the task"  # of the best place of a layer
SEEN, NOT_SEEN = "seen", "not seen"  # of what is counted, not tested
ORDER = (SAME, OTHER, DEPENDS)  # the verdicts that claim an order

BY_LOCK_IN, BY_FLOOR, BY_MEANS, BY_PERMUTATION = "lock-in", "above the floor", "means by seed", "permutation"
BY_PLACES = "seeds exchanged between places"  # of the best place of a layer
DRAWS = 1000  # studies drawn to know what could have been found


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
    several kinds, seeds are exchanged between the arms, too: by their weighted sums.
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
                assert above.values.shape == below.values.shape  # else seeds of both arms are no like units
                p = float(permutation.exchanged(above.by_seed, below.by_seed))
                return Tested(mean, low, high, mean, p, BY_PERMUTATION, None, every)
            effect = float(a.mean() - b.mean())
            return Tested(mean, low, high, effect, lock_in.same_share(a, b), by, None, every)
    return Tested(mean, low, high, mean, float(means.paired(differences)), BY_MEANS, None, every)


def _state(above: Outcomes, below: Outcomes) -> str | None:
    """Where all cells of both arms are, if that is where order cannot show."""
    if above.high.all() and below.high.all():
        return AT_CEILING
    return AT_FLOOR if not (above.above.any() or below.above.any()) else None


def could_have_found(tested: Tested, above: Outcomes, below: Outcomes, alpha: float, combined: bool = False) -> float:
    """The smallest effect that `contrast` finds with 80 % power at p < alpha, the strictest step of Holm's correction.

    Where lock-in or the floor decides, of the share of seeds that lock in above, where none does below; else of exact
    match. NaN where the seeds are too few for any, or nothing is tested.
    """
    seeds = len(above.values)
    if tested.by is None:
        return np.nan
    if tested.by in (BY_LOCK_IN, BY_FLOOR):
        return lock_in.smallest_share(seeds, alpha)
    by_means = tested.by == BY_MEANS
    rise = _smallest_rise(above, below, alpha, combined) if by_means else 0
    if not combined or rise > 0:
        return rise
    # a difference that would make cells of several kinds must pass either test, whichever it meets
    spread = np.sqrt((np.var(above.by_seed, ddof=1) + np.var(below.by_seed, ddof=1)) / 2)
    needed = means.smallest_difference(float(np.std(above.by_seed - below.by_seed, ddof=1)), seeds, alpha)
    return float(np.maximum(spread * permutation.smallest_shift(seeds, alpha), needed if by_means else 0))


def _smallest_rise(above: Outcomes, below: Outcomes, alpha: float, combined: bool) -> float:
    """The smallest x by which the first arm must exceed the second, as that was measured, to be found with 80 % power.

    Drawn differences vary around x as those that were measured around their mean. The t test finds x only while no cell
    crosses the line of lock-in, beyond which shares decide (of combinations a permutation, not counted here): there,
    power falls before it rises again. So x is what the t test needs or little more, or takes enough cells across.
    """
    seeds, stacks = above.values.shape
    deviation = float(np.std(above.by_seed - below.by_seed, ddof=1))
    noise = deviation * generator(0, "rise").standard_normal((DRAWS, seeds, 1))
    level = below.by_seed[:, None] + above.values - above.by_seed[:, None]  # (S, A) the first arm, were it no better
    unlocked = not above.locked.any()  # else cells stay where they are, above the line
    fewest = lock_in.fewest(seeds, alpha), lock_in.fewest(seeds * stacks, alpha, below.values.size)

    def power(rise: float) -> float:
        cells = np.minimum(level + rise + noise, 1)  # (DRAWS, S, A)
        values, locked = cells.mean(2), unlocked & (cells >= above.goal)
        by_means = (means.paired(values - below.by_seed) < alpha) & (values.mean(1) > below.by_seed.mean())
        by_share = (locked.any(2).sum(1) >= fewest[0]) & (locked.sum((1, 2)) >= fewest[1]) & (not combined)
        ceiling = below.high.all() & (cells >= lock_in.CEILING).all((1, 2))
        return float((np.where(locked.any((1, 2)), by_share, by_means) & ~ceiling).mean())

    enough = means.POWER - 3 * np.sqrt(means.POWER * (1 - means.POWER) / DRAWS)  # but for the error of the draws
    room, least = 1 - float(below.by_seed.mean()), means.smallest_difference(deviation, seeds, alpha)
    for rise in (least, 1.15 * least, 1.3 * least):
        if rise < room and power(rise) >= enough:
            return rise
    if power(room) < means.POWER:
        return np.nan
    return float(scipy.optimize.bisect(lambda rise: power(rise) - means.POWER, 0, room, xtol=1e-3))


def strictest(p: np.ndarray, looks: int = 1) -> float:
    """What the smallest of some p values must be below for a verdict: the first step of Holm's correction."""
    return ALPHA / max(1, int(np.isfinite(p).sum())) / looks


def corrected(p: np.ndarray, looks: int = 1) -> np.ndarray:
    """P values corrected for their number (Holm 1979), which bounds the chance of any false one; NaN stays NaN.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none falls below the one before it. Where seeds
    are added while something is undecided, all are multiplied by the number of looks, too (Bonferroni): the chance of a
    false verdict at any look stays below ALPHA.
    """
    found = np.array(p, float)
    tested = np.flatnonzero(~np.isnan(found))
    order = tested[np.argsort(found[tested], kind="stable")]
    scaled = found[order] * np.arange(len(order), 0, -1) * looks
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
    what = {
        BY_LOCK_IN: " of the seeds locking in against none",
        BY_FLOOR: " of the seeds above the floor against none",
        BY_PLACES: " of the seeds locking in at the best places of two tasks and nowhere else",
    }
    return f"{UNDECIDED} (could have found {could:.2f}{what.get(by or '', '')})"
