"""Intervals cover and tests err as often as they say, on data drawn from a known truth."""

import numpy as np
import pytest

from lolameme.statistics.outcomes import Outcomes, corrected, difference, interval


def outcomes(rng, programs: np.ndarray, seeds: int, spread: float, mean: float = 0.0, queries: int = 4) -> Outcomes:
    """Seeds of one architecture: skill plus the luck of the seed plus how hard each program is, on the log-odds."""
    odds = mean + spread * rng.standard_normal((seeds, 1)) + programs
    hits = rng.binomial(queries, 1 / (1 + np.exp(-odds)))
    return Outcomes(hits.astype(float), np.full(len(programs), queries))


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng, covered = np.random.default_rng(1), []
    for _ in range(100):
        made = outcomes(rng, np.zeros(60), seeds=12, spread=0.3)
        mean, low, high = interval(made)
        assert low <= mean <= high
        covered.append(low <= 0.5 <= high)
    assert np.mean(covered) > 0.87


def test_the_interval_of_two_seeds_reaches_both():
    """Drawing two of two would understate their spread; one of two does not."""
    apart = Outcomes(np.repeat([[4.0], [0.0]], 200, axis=1), np.full(200, 4))
    assert interval(apart) == (0.5, 0.0, 1.0)
    same = Outcomes(np.tile([4.0, 0.0], (2, 100)), np.full(200, 4))
    _, low, high = interval(same)
    assert high - low < 0.2


@pytest.mark.parametrize(("seeds", "spread"), [(2, 0.0), (2, 1.0), (3, 0.3), (5, 1.0)])
def test_equal_architectures_are_rarely_told_apart(seeds, spread):
    rng, found = np.random.default_rng(2), []
    for _ in range(300):
        programs = rng.standard_normal(80)
        a, b = (outcomes(rng, programs, seeds, spread) for _ in range(2))
        found.append(difference(a, b).p < 0.05)
    assert np.mean(found) < 0.08


def test_a_clear_difference_is_found_and_its_interval_covers_it():
    rng, found, covered = np.random.default_rng(3), [], []
    for _ in range(100):
        programs = rng.standard_normal(200)
        a, b = (outcomes(rng, programs, 3, 0.1, mean) for mean in (1.0, 0.0))
        made = difference(a, b)
        truth = np.mean(1 / (1 + np.exp(-1 - programs))) - np.mean(1 / (1 + np.exp(-programs)))
        found.append(made.p < 0.01)
        covered.append(made.low <= truth <= made.high)
    assert np.mean(found) > 0.8
    assert np.mean(covered) > 0.9


def test_the_test_is_paired_by_program():
    """Where programs differ much in difficulty, answering the same ones tells apart what other programs would not."""
    hard = np.repeat([0.0, 4.0], 100)
    a = Outcomes(np.tile(hard, (3, 1)), np.full(200, 4))
    better = np.where(np.arange(200) % 10 == 0, 1.0, 0.0)
    b = Outcomes(np.tile(np.minimum(hard + better, 4), (3, 1)), np.full(200, 4))
    assert difference(b, a).p < 0.01
    assert difference(b, a).mean == -difference(a, b).mean > 0
    shuffled = Outcomes(b.hits[:, np.random.default_rng(4).permutation(200)], b.queries)
    assert difference(shuffled, a).p > 0.5


def test_two_seeds_that_differ_much_say_nothing_about_others_but_something_about_themselves():
    rng = np.random.default_rng(5)
    a = Outcomes(rng.binomial(4, [[0.6], [0.95]], (2, 200)).astype(float), np.full(200, 4))
    b = Outcomes(rng.binomial(4, 0.4, (2, 200)).astype(float), np.full(200, 4))
    made = difference(a, b)
    assert made.p > 0.05 > 0.001 > made.p_models
    assert made.separated
    assert not difference(a, Outcomes(a.hits[::-1], a.queries)).separated


def test_nothing_varies():
    same = Outcomes(np.full((2, 5), 4.0), np.full(5, 4))
    assert difference(same, same).p == 1.0
    assert (difference(same, same).low, difference(same, same).high) == (0.0, 0.0)


def test_correction_multiplies_the_smallest_by_their_number():
    assert corrected(np.array([0.03, 0.01, 0.5])) == pytest.approx([0.06, 0.03, 0.5])
    assert len(corrected(np.array([]))) == 0
