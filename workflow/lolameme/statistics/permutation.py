"""The permutation test of two arms: what if seeds had been dealt to them by chance?

Exchanging seeds between arms needs no law of the outcomes, graded or bistable. Of outcomes that are 0 or 1 it is
Fisher's exact test. Seeds of two arms that share their world vary together, which makes the test stricter, not laxer.
"""

import itertools
import math
from functools import cache

import numpy as np
import scipy

from lolameme.base.seeds import generator
from lolameme.statistics.means import ALPHA, POWER

EXACT = 8  # seeds up to which all deals are counted, 6435 of them; beyond, DEALS are drawn
DEALS = 20_000


@cache
def deals(seeds: int) -> np.ndarray:
    """Which of 2 S units a deal gives to the first arm: (N, 2 S) of 0 and 1, the deal that took place first.

    A deal and its complement differ in sign alone, so that of both only the one with the first unit is here.
    """
    units = 2 * seeds
    if seeds <= EXACT:
        first = np.array([(0, *rest) for rest in itertools.combinations(range(1, units), seeds - 1)])
    else:
        drawn = generator(0, "deals").permuted(np.tile(np.arange(units), (DEALS - 1, 1)), axis=1)[:, :seeds]
        first = np.vstack([np.arange(seeds), drawn])
    found = np.zeros((len(first), units))
    np.put_along_axis(found, first, 1, axis=1)
    return found


def exchanged(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Two-sided p (...) of the difference of the means of two arms (..., S): the share of deals with one as large.

    All halves of the 2 S seeds are as likely if both arms are alike (Fisher 1935; Edgington & Onghena 2007, chapter 4).
    Half of it is the p of either side.
    """
    both = np.concatenate([above, below], axis=-1)
    both = both - both.mean(-1, keepdims=True)
    sums = np.abs(both @ deals(above.shape[-1]).T)  # (..., N): of the first arm, where those of both are 0
    return (sums >= sums[..., :1] - 1e-9).mean(-1)


def least(seeds: int) -> float:
    """The smallest two-sided p that S seeds an arm allow: all of one above all of the other."""
    return max(2 / math.comb(2 * seeds, seeds), 1 / DEALS if seeds > EXACT else 0)


@cache
def smallest_shift(seeds: int, alpha: float = ALPHA) -> float:
    """The difference, in standard deviations of seeds within an arm, that `exchanged` finds with 80 % power.

    By 400 drawn pairs of normal arms: of each the smallest shift that is found, and of these the quantile. NaN where
    no outcome has so small a p.
    """
    if least(seeds) >= alpha:
        return np.nan
    above, below = generator(0, "smallest shift").standard_normal((2, 400, seeds))
    return float(
        scipy.optimize.bisect(lambda shift: (exchanged(above + shift, below) < alpha).mean() - POWER, 0, 1e3, xtol=1e-2)
    )
