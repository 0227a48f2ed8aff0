"""How sure one can be of an exact match, and of a difference between two architectures.

Two things are drawn at random: the seeds of the trainings, and the programs asked. Programs, not queries, because the
queries of one program share its assignments. All seeds and architectures of a variant answer the same programs.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

from lolameme.base.seeds import generator

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Outcomes:
    """What the seeds of one architecture got right on one split."""

    hits: np.ndarray  # (S, P) float: right answers per seed and program
    queries: np.ndarray  # (P,) queries per program

    @property
    def by_seed(self) -> np.ndarray:
        """(S,) exact match of every seed."""
        return self.hits.sum(1) / self.queries.sum()


def interval(outcomes: Outcomes) -> tuple[float, float, float]:
    """Mean exact match and its 95 % percentile interval by a hierarchical bootstrap: seeds, then programs.

    One seed fewer than there are is drawn (Rao & Wu 1988, JASA 83:231), so that the spread of few seeds is not
    understated: drawing two of two halves their variance. One seed alone says nothing about others.
    """
    seeds, programs = outcomes.hits.shape
    rng = generator(0, "bootstrap")
    means = np.empty(RESAMPLES)
    for start in range(0, RESAMPLES, 100):
        weights = rng.multinomial(programs, np.full(programs, 1 / programs), size=100)  # (100, P)
        each = (weights @ outcomes.hits.T) / (weights @ outcomes.queries)[:, None]  # (100, S)
        drawn = rng.integers(0, seeds, (100, max(1, seeds - 1)))
        means[start : start + 100] = np.take_along_axis(each, drawn, axis=1).mean(1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(outcomes.by_seed.mean()), float(low), float(high)


@dataclass(frozen=True)
class Difference:
    """The exact match of one architecture minus that of another, its 95 % interval, and how likely it is by chance."""

    mean: float
    low: float
    high: float
    p: float  # with seeds and programs drawn at random
    p_models: float  # of these trained models, with programs alone drawn at random
    separated: bool  # every seed of the one is above every seed of the other


def difference(a: Outcomes, b: Outcomes) -> Difference:
    """A t test paired by program (two-sided): is the mean over seeds and programs the same?

    The variance has three parts, seeds of `a`, seeds of `b`, and programs by their differences, each with its degrees
    of freedom (Welch 1947, Satterthwaite 1946). The noise of single answers is in all three, so the test errs on the
    side of not telling apart. With two seeds it has little power, so what holds for the trained models
    alone is told as well. With one seed each there is nothing else to tell.
    """
    total, programs = a.queries.sum(), len(a.queries)
    mean = float(a.by_seed.mean() - b.by_seed.mean())
    parts = [(np.var(x.by_seed, ddof=1) / len(x.hits), len(x.hits) - 1) for x in (a, b) if len(x.hits) > 1]
    residual = a.hits.mean(0) - b.hits.mean(0) - mean * a.queries  # (P,) around the ratio's own mean
    parts.append((programs / max(1, programs - 1) * (residual**2).sum() / total**2, max(1, programs - 1)))
    reach, p = _t_test(mean, parts)
    _, p_models = _t_test(mean, parts[-1:])
    separated = a.by_seed.min() > b.by_seed.max() or a.by_seed.max() < b.by_seed.min()
    return Difference(mean, mean - reach, mean + reach, p, p_models, bool(separated))


def _t_test(mean: float, parts: list[tuple[float, int]]) -> tuple[float, float]:
    """Reach of the 95 % interval and two-sided p of a mean whose variance has these parts and degrees of freedom."""
    variance = sum(v for v, _ in parts)
    if variance == 0:
        return 0.0, float(mean == 0)
    freedom = variance**2 / sum(v**2 / df for v, df in parts)
    error = np.sqrt(variance)
    return float(stats.t.ppf((1 + LEVEL) / 2, freedom) * error), float(2 * stats.t.sf(abs(mean) / error, freedom))


def corrected(p: np.ndarray) -> np.ndarray:
    """P values corrected for their number (Holm 1979): it bounds the chance of any false difference among them."""
    return multipletests(p, method="holm")[1] if len(p) else np.asarray(p, float)
