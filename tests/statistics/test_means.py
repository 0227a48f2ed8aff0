"""Intervals cover and tests err as often as they say, on data drawn from a known truth."""

import numpy as np
import pytest

from lolameme.statistics import means


@pytest.mark.parametrize("seeds", [2, 3, 5, 8])
def test_the_interval_over_seeds_covers_the_truth_in_95_of_100_studies(seeds):
    rng = np.random.default_rng(1)
    found = np.array([means.interval(row) for row in 0.6 + 0.1 * rng.standard_normal((2000, seeds))])
    covered = ((found[:, 1] <= 0.6) & (found[:, 2] >= 0.6)).mean()
    assert 0.93 < covered < 0.97


def test_answers_of_programs_leave_the_coverage_as_it_is():
    """Seeds with a skill of their own, 100 programs of 8 queries each: still 95 of 100."""
    rng, covered = np.random.default_rng(2), []
    for _ in range(2000):
        skill = np.clip(0.6 + 0.05 * rng.standard_normal((4, 1)), 0, 1)
        _, low, high = means.interval(rng.binomial(8, skill, (4, 100)).sum(1) / 800)
        covered.append(low <= 0.6 <= high)
    assert 0.93 < np.mean(covered) < 0.97


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_equal_arms_differ_by_chance_in_5_of_100_studies(seeds):
    rng = np.random.default_rng(3)
    p = [means.paired(row) for row in rng.standard_normal((4000, seeds))]
    assert 0.04 < np.mean(np.array(p) < 0.05) < 0.06


def test_one_seed_says_nothing_about_others():
    mean, low, high = means.interval(np.array([0.7]))
    assert mean == 0.7
    assert np.isnan([low, high, means.paired(np.array([0.7])), means.smallest_difference(0.05, 1)]).all()


def test_differences_that_do_not_vary_are_judged_by_their_sign():
    assert means.paired(np.zeros(3)) == 1
    assert means.paired(np.full(3, 0.1)) == 0.25


def test_the_interval_of_a_share_ends_at_0_and_1():
    assert means.share(np.array([0.9, 1.0])) == (0.95, pytest.approx(0.3147, abs=1e-3), 1.0)


@pytest.mark.parametrize("seeds", [3, 5])
def test_power_is_how_often_a_difference_of_that_size_is_found(seeds):
    rng = np.random.default_rng(4)
    size = means.smallest_difference(0.05, seeds, 0.05)
    p = [means.paired(row) for row in size + 0.05 * rng.standard_normal((3000, seeds))]
    assert 0.77 < np.mean(np.array(p) < 0.05) < 0.83
    assert means.smallest_difference(0.05, seeds, 0.01) > size > means.smallest_difference(0.05, seeds + 3)


def test_two_seeds_could_have_found_next_to_nothing():
    assert np.isnan(means.smallest_difference(0.1, 2, 0.01))
    assert np.isnan(means.smallest_difference(0.0, 3))  # where nothing varies, three signs are no order
    assert means.smallest_difference(0.0, 6) == 0
