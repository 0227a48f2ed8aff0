"""Whether the best place of a layer depends on the task (claim C4), from exact match by task, seed and place."""

import numpy as np

from lolameme.base.seeds import generator

RESAMPLES = 4999


def interaction(values: np.ndarray) -> float:
    """The p of no interaction of task and place, from `values` (V tasks, S seeds, K places).

    The statistic is the interaction's sum of squares. Places are permuted within every task and seed, which keeps how
    hard each task and how good each seed is (Edgington & Onghena 2007, chapter 6). A place that is best in all tasks
    makes permuted interactions larger, never smaller: then the test errs on the side of seeing none.
    """
    tasks, seeds, places = values.shape
    if tasks < 2 or seeds < 2 or places < 2:
        return np.nan
    drawn = generator(0, "places").permuted(np.broadcast_to(values, (RESAMPLES, *values.shape)), axis=3)
    count = (_interaction(drawn) >= _interaction(values) - 1e-12).sum()
    return float((count + 1) / (RESAMPLES + 1))


def _interaction(values: np.ndarray) -> np.ndarray:
    """The sum of squares that tasks and places add to each other's effects, from values (..., V, S, K)."""
    means = values.mean(-2)  # (..., V, K)
    rest = means - means.mean(-1, keepdims=True) - means.mean(-2, keepdims=True) + means.mean((-2, -1), keepdims=True)
    return (rest**2).sum((-2, -1))


def best_places(values: np.ndarray, resamples: int = 2000) -> np.ndarray:
    """How often each place is best if seeds are drawn anew: (K,) shares from `values` (S seeds, K places).

    A bootstrap over seeds; places that tie share their draw. It describes how sure the best place is.
    """
    seeds, places = values.shape
    drawn = generator(0, "best place").integers(0, seeds, (resamples, seeds))
    means = values[drawn].mean(1)  # (resamples, K)
    best = means >= means.max(1, keepdims=True) - 1e-12
    return (best / best.sum(1, keepdims=True)).mean(0).reshape(places)
