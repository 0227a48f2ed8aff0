"""Whether the best place of a layer depends on the task (claim C4), from exact match by task, seed and place."""

import numpy as np

from lolameme.base.seeds import generator
from lolameme.statistics import lock_in
from lolameme.statistics.means import POWER
from lolameme.statistics.permutation import exchanged, least


def one_for_all(values: np.ndarray) -> np.ndarray:
    """The p (...) of one place being best on every task, from `values` (..., V tasks, S seeds, K places).

    That a place c is best on all is refuted by any other that is better on any task: the smallest one-sided p of
    exchanging the seeds of both, times the number V (K - 1) of such comparisons (Bonferroni). The best place depends on
    the task if this refutes every c, so p is the largest over c, and needs no further correction (an intersection-union
    test, Berger 1982; of two places a test of qualitative interaction, Gail & Simon 1985). Neither a place that matters
    on one task alone, nor effects of other sizes, floors or ceilings look like dependence: c is then best on all.
    """
    *_, tasks, seeds, places = values.shape
    if tasks < 2 or seeds < 2 or places < 2:
        return np.full(values.shape[:-3], np.nan)
    reached = np.moveaxis(values, -1, -2)  # (..., V, K, S)
    other, best = np.broadcast_arrays(reached[..., :, None, :], reached[..., None, :, :])  # (..., V, K, K, S)
    two_sided = exchanged(other, best)
    p = np.where(other.mean(-1) > best.mean(-1) + 1e-12, two_sided / 2, 1)  # a place against itself: 1
    return np.minimum(1, comparisons(tasks, places) * p.min((-3, -2)).max(-1))


def comparisons(tasks: int, places: int) -> int:
    """How many comparisons can refute that a place is best on all tasks."""
    return tasks * (places - 1)


def least_p(tasks: int, seeds: int, places: int) -> float:
    """The smallest p of `one_for_all`: on two tasks, the best place is ahead of every other with all seeds."""
    return min(1.0, comparisons(tasks, places) * least(seeds) / 2)


def smallest_share_at_best(tasks: int, seeds: int, places: int, alpha: float) -> float:
    """The smallest chance to lock in at the best places of two tasks, and nowhere else, that is found with 80 % power.

    Both must be seen, each with a power of the root of 80 %. NaN where the seeds are too few even for always.
    """
    strict = 2 * alpha / comparisons(tasks, places)  # two-sided, of one comparison
    return lock_in.smallest_share(seeds, strict, POWER**0.5)


def best_places(values: np.ndarray, resamples: int = 2000) -> np.ndarray:
    """How often each place is best if seeds are drawn anew: (K,) shares from `values` (S seeds, K places).

    A bootstrap over seeds; places that tie share their draw. It describes how sure the best place is.
    """
    seeds, places = values.shape
    drawn = generator(0, "best place").integers(0, seeds, (resamples, seeds))
    means = values[drawn].mean(1)  # (resamples, K)
    best = means >= means.max(1, keepdims=True) - 1e-12
    return (best / best.sum(1, keepdims=True)).mean(0).reshape(places)
