"""Confidence intervals for exact match over seeds and programs."""

import numpy as np
import pandas as pd

from lolameme.seeds import generator

RESAMPLES = 2000


def interval(predictions: pd.DataFrame, level: float = 0.95) -> tuple[float, float, float]:
    """Mean exact match and its bootstrap percentile interval.

    `predictions` has a row per query with `seed`, `program` and `exact_match`, all seeds on the same programs. Seeds
    and programs are resampled together (a crossed design): programs, not queries, because the queries of one program
    share its assignments. With few seeds the interval is too narrow rather than too wide; the report says how many.
    """
    by_program = predictions.groupby(["seed", "program"])["exact_match"].agg(["sum", "count"])
    hits = by_program["sum"].unstack("program").to_numpy(float)  # (S, P)
    counts = by_program["count"].unstack("program").to_numpy(float)
    seeds, programs = hits.shape
    rng = generator(0, "bootstrap")
    means = np.empty(RESAMPLES)
    for start in range(0, RESAMPLES, 100):
        weights = rng.multinomial(programs, np.full(programs, 1 / programs), size=100)  # (100, P)
        each = (weights @ hits.T) / (weights @ counts.T)  # (100, S)
        drawn = rng.integers(0, seeds, (100, seeds))
        means[start : start + 100] = np.take_along_axis(each, drawn, axis=1).mean(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float((hits.sum(1) / counts.sum(1)).mean()), float(low), float(high)
