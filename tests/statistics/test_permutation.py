"""Exchanging the seeds of two arms: exact where it can be, valid whatever the outcomes' law."""

import numpy as np
import pytest
from scipy import stats

from lolameme.statistics import permutation


def test_it_is_scipys_permutation_test():
    above, below = np.random.default_rng(1).standard_normal((2, 5))
    peer = stats.permutation_test((above, below), lambda a, b, axis: a.mean(axis) - b.mean(axis), vectorized=True)
    assert permutation.exchanged(above, below) == pytest.approx(peer.pvalue)


@pytest.mark.parametrize("seeds", [2, 5, 10])
def test_its_smallest_p_is_that_of_arms_that_do_not_overlap(seeds):
    above, below = np.arange(seeds) + 100.0, np.arange(seeds)
    assert permutation.exchanged(above, below) == pytest.approx(permutation.least(seeds), abs=1e-4)
    assert permutation.exchanged(below, above) == permutation.exchanged(above, below)


@pytest.mark.parametrize("seeds", [5, 9])
def test_alike_arms_differ_by_chance_in_5_of_100_studies_at_most(seeds):
    rng = np.random.default_rng(2)
    world = rng.choice([0.0, 3.0], (800, 1, seeds))  # which both arms share
    for drawn in (rng.standard_normal((800, 2, seeds)), world + rng.choice([0.4, 0.95], (800, 2, seeds))):
        assert (permutation.exchanged(drawn[:, 0], drawn[:, 1]) < 0.05).mean() < 0.05 + 0.02


@pytest.mark.parametrize(("seeds", "alpha"), [(5, 0.05), (6, 0.05 / 11), (8, 0.05 / 20)])
def test_the_smallest_shift_is_found_with_80_percent_power(seeds, alpha):
    above, below = np.random.default_rng(3).standard_normal((2, 1000, seeds))
    found = permutation.exchanged(above + permutation.smallest_shift(seeds, alpha), below) < alpha
    assert 0.74 < found.mean() < 0.86


def test_no_shift_is_found_where_no_p_is_small_enough():
    assert np.isnan(permutation.smallest_shift(5, 0.05 / 20))
