"""What weights hold, in bits, and how it changes with the number of facts (claim C3)."""

import numpy as np


def bits_per_fact(exact_match: float, values: int) -> float:
    """The least information about a fact with one of `values` equally likely values that this exact match needs.

    Fano's inequality: log2 M - H(e) - e log2(M - 1) bits, where e = 1 - exact match and H is the binary entropy. It
    is log2 M for perfect recall and 0 for guessing. Allen-Zhu & Li (Physics of Language Models 3.3, arXiv 2404.05405,
    section 2) count learned bits per parameter in this way, by the loss in place of the exact match.
    """
    if exact_match <= 1 / values:
        return 0.0
    error = 1 - exact_match
    entropy = sum(-p * np.log2(p) for p in (error, exact_match) if p > 0)
    return float(np.log2(values) - entropy - error * np.log2(max(1, values - 1)))


def bits_per_parameter(exact_match: float, facts: int, values: int, parameters: int) -> float:
    """The bits that a model of so many parameters holds of so many facts, per parameter."""
    return facts * bits_per_fact(exact_match, values) / parameters


def slope_weights(facts: list[int]) -> np.ndarray:
    """Weights (V,) whose sum with exact matches is their least-squares slope over log10 of the number of facts.

    The slope of each seed: how much exact match changes with ten times the facts. Raises ValueError if all have the
    same number of facts.
    """
    centred = np.log10(facts) - np.log10(facts).mean()
    if not centred.any():
        raise ValueError("a slope over the number of facts needs at least two numbers of facts")
    return centred / (centred**2).sum()
