"""Means over seeds, and how sure one can be of them.

The unit of replication is the seed: it draws the world, its programs, the initialisation and the order of the batches.
Programs and queries within a seed are no replicates, so nothing here counts them.
"""

from functools import cache

import numpy as np
import scipy

LEVEL = 0.95  # of every interval
ALPHA = 0.05  # chance of any false verdict of order in a whole study
POWER = 0.8
NO_SPREAD = 1e-12  # below which differences are those of rounding


@cache
def cut(seeds: int, alpha: float) -> float:
    """How many standard errors a mean over seeds must be off for a two-sided t test at alpha."""
    return float(scipy.stats.t.ppf(1 - alpha / 2, seeds - 1))


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean over seeds (S,) and its 95 % t interval; NaN for its ends with one seed, which says nothing about others."""
    mean, seeds = float(np.mean(values)), len(values)
    if seeds < 2:
        return mean, np.nan, np.nan
    reach = cut(seeds, 1 - LEVEL) * np.std(values, ddof=1) / np.sqrt(seeds)
    return mean, float(mean - reach), float(mean + reach)


def share(values: np.ndarray) -> tuple[float, float, float]:
    """As `interval`, for values from 0 to 1: so are its ends."""
    mean, low, high = interval(values)
    return mean, float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))


def paired(differences: np.ndarray) -> np.ndarray:
    """Two-sided p (...) of per-seed differences (..., S) with mean 0: Student's t test; NaN with one seed.

    Differences that do not vary at all leave a t test nothing to divide by: then their sign alone is tested.
    """
    seeds, mean = differences.shape[-1], np.abs(differences.mean(-1))
    if seeds < 2:
        return np.full(mean.shape, np.nan)
    error = np.std(differences, axis=-1, ddof=1) / np.sqrt(seeds)
    by_sign = np.where(mean < NO_SPREAD, 1.0, 2.0 ** (1 - seeds))
    by_t = 2 * scipy.special.stdtr(seeds - 1, -mean / np.maximum(error, NO_SPREAD))
    return np.where(error < NO_SPREAD, by_sign, by_t)


def power(effect: float, seeds: int, alpha: float = ALPHA) -> float:
    """Chance that `paired` finds a true difference, and its sign, that is `effect` standard deviations large.

    The noncentral t distribution with S - 1 degrees of freedom (Cohen 1988, chapter 2): a normal over the root of a
    chi-square, averaged here over quantiles of the latter, because its closed form in scipy is NaN at some effects.
    """
    freedom = seeds - 1
    deviation = np.sqrt(scipy.stats.chi2.ppf((np.arange(2000) + 0.5) / 2000, freedom) / freedom)  # (2000,)
    return float(scipy.stats.norm.cdf(np.sqrt(seeds) * effect - cut(seeds, alpha) * deviation).mean())


@cache
def smallest_effect(seeds: int, alpha: float = ALPHA) -> float:
    """The effect, in standard deviations of per-seed differences, that `paired` finds with 80 % power."""
    return float(scipy.optimize.brentq(lambda effect: power(effect, seeds, alpha) - POWER, 0, 1e6))


def smallest_difference(deviation: float, seeds: int, alpha: float = ALPHA) -> float:
    """The smallest difference of exact match that `paired` finds with 80 % power; NaN where even 1 is too small.

    `deviation` is the standard deviation of per-seed differences; 0 leaves their sign alone to be tested.
    """
    if seeds < 2 or (deviation < NO_SPREAD and 2.0 ** (1 - seeds) >= alpha):
        return np.nan
    least = deviation * smallest_effect(seeds, alpha)
    return least if least <= 1 else np.nan
