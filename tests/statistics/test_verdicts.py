"""One word per contrast, from the one test that fits its outcomes."""

import numpy as np
import pytest

from lolameme.statistics import verdicts
from lolameme.statistics.answers import Outcomes

FLOOR = 0.4


def arm(*columns: list[float]) -> Outcomes:
    """Exact match of the seeds of each architecture of an arm."""
    values = np.array(columns, float).T
    goal = np.full(values.shape, (1 + FLOOR) / 2)
    return Outcomes(values, values >= goal, values > FLOOR + 0.02, values >= 0.98, goal)


def said(above: Outcomes, below: Outcomes, **how) -> str:
    found = verdicts.contrast(above, below, **how)
    return verdicts.word(found, found.p)


def test_where_all_cells_are_of_one_kind_means_are_compared_by_seed():
    above, below = arm([0.80, 0.86, 0.90, 0.83]), arm([0.75, 0.80, 0.85, 0.79])
    found = verdicts.contrast(above, below)
    assert (found.by, found.every_seed) == (verdicts.BY_MEANS, True)
    assert found.low < found.difference < found.high
    assert found.difference == pytest.approx(0.05)
    assert (said(above, below), said(below, above)) == (verdicts.SAME, verdicts.OTHER)


def test_pairing_by_seed_finds_what_the_luck_of_worlds_would_hide():
    """Worlds differ by 0.2, architectures by 0.02 in each: seen by pairs; not if worlds are shuffled."""
    rng = np.random.default_rng(1)
    worlds = rng.uniform(0.72, 0.92, 6)
    better = worlds + 0.02 + 0.005 * rng.standard_normal(6)
    assert said(arm(better), arm(worlds)) == verdicts.SAME
    assert said(arm(better[::-1]), arm(worlds)) == verdicts.UNDECIDED


def test_where_cells_differ_in_lock_in_k_of_n_decides():
    found = verdicts.contrast(arm([0.95] * 5, [0.96] * 5), arm([0.41, 0.45, 0.43, 0.5, 0.41]))
    assert (found.by, found.effect) == (verdicts.BY_LOCK_IN, 1.0)
    assert found.p == pytest.approx(2 / 252)  # of five seeds, however many stacks
    assert said(arm([0.95] * 5), arm([0.45] * 5)) == verdicts.SAME
    # three of three against none of three happens by chance in one of ten studies; a t test would say p < 0.001
    assert said(arm([0.95, 0.96, 0.94]), arm([0.45, 0.44, 0.45])) == verdicts.UNDECIDED


def test_where_none_locks_in_but_some_are_above_the_floor_that_decides():
    found = verdicts.contrast(arm([0.6] * 5), arm([0.4] * 5))
    assert (found.by, found.p) == (verdicts.BY_FLOOR, pytest.approx(2 / 252))


def test_ceiling_and_floor_are_verdicts_and_no_tests():
    assert said(arm([0.99, 1.0]), arm([1.0, 1.0])) == verdicts.AT_CEILING
    assert said(arm([0.4, 0.4]), arm([0.41, 0.38])) == verdicts.AT_FLOOR
    assert np.isnan(verdicts.contrast(arm([0.99, 1.0]), arm([1.0, 1.0])).p)


def test_with_one_seed_nothing_is_claimed():
    found = verdicts.contrast(arm([0.9]), arm([0.1]))
    assert verdicts.word(found, found.p) == verdicts.UNDECIDED
    could = verdicts.could_have_found(found, arm([0.9]), arm([0.1]), 0.05)
    assert verdicts.sentence(verdicts.UNDECIDED, could, found.by) == (
        "undecided (too few seeds to find any difference)"
    )


def test_combinations_of_variants_are_permuted_where_their_cells_are_of_several_kinds():
    above, below = arm([0.9, 0.8, 0.85, 0.95, 0.9]), arm([0.1, 0.2, 0.1, 0.0, 0.1])
    found = verdicts.contrast(above, below, combined=True)
    assert (found.by, found.p) == (verdicts.BY_PERMUTATION, pytest.approx(2 / 252))
    assert found.effect == found.difference


def test_undecided_says_what_could_have_been_found():
    above, below = arm([0.80, 0.86, 0.81]), arm([0.82, 0.80, 0.83])
    found = verdicts.contrast(above, below)
    one, six = (verdicts.could_have_found(found, above, below, 0.05 / tests) for tests in (1, 6))
    assert one == pytest.approx(0.151, abs=0.001)
    assert np.isnan(six)  # no room for it below 1
    assert verdicts.sentence(verdicts.UNDECIDED, one, found.by) == f"undecided (could have found {one:.2f})"
    above, below = arm([0.9] * 3 + [0.5] * 5), arm([0.5] * 8)
    found = verdicts.contrast(above, below)
    could = verdicts.could_have_found(found, above, below, 0.05)
    assert verdicts.sentence(verdicts.UNDECIDED, could, found.by) == (
        f"undecided (could have found {could:.2f} of the seeds locking in against none)"
    )
    assert verdicts.sentence(verdicts.SAME, could, found.by) == verdicts.SAME
    assert "at the best places of two tasks" in verdicts.sentence(verdicts.UNDECIDED, 0.9, verdicts.BY_PLACES)


def power(alpha: float, studies: list[tuple[Outcomes, Outcomes]], combined: bool = False) -> float:
    tested = [verdicts.contrast(*both, combined) for both in studies]
    return np.mean([found.p < alpha and found.effect > 0 for found in tested])


@pytest.mark.parametrize(
    ("level", "seeds", "tests"),
    [
        (0.80, 5, 1),  # all lock in
        (0.50, 8, 1),  # none does, and the t test needs less than takes them there
        (0.62, 8, 20),  # what the t test needs takes cells over the line, where shares decide
        (0.66, 6, 5),
    ],
)
def test_a_difference_that_could_have_been_found_is_found_with_80_percent_power(level, seeds, tests):
    rng = np.random.default_rng(6)
    below = arm(level + 0.03 * np.linspace(-1, 1, seeds))
    measured = arm(below.values[:, 0] + 0.03 * rng.permutation(np.linspace(-1, 1, seeds)))
    found = verdicts.contrast(measured, below)
    assert found.by == verdicts.BY_MEANS
    could = verdicts.could_have_found(found, measured, below, 0.05 / tests)
    spread = np.std(measured.by_seed - below.by_seed, ddof=1)
    drawn = below.values[:, 0] + could + spread * rng.standard_normal((1000, seeds))
    assert 0.75 < power(0.05 / tests, [(arm(np.minimum(one, 1)), below) for one in drawn]) < 0.85


def test_a_difference_that_lock_in_would_hide_is_not_promised():
    """With five seeds and twenty tests no lock-in can be told, and what the t test needs would be one."""
    rng = np.random.default_rng(7)
    above, below = arm(0.6 + 0.05 * rng.standard_normal(5)), arm(0.6 + 0.05 * rng.standard_normal(5))
    found = verdicts.contrast(above, below)
    assert found.by == verdicts.BY_MEANS
    could = verdicts.could_have_found(found, above, below, 0.05 / 20)
    assert verdicts.sentence(verdicts.UNDECIDED, could, found.by) == "undecided (too few seeds to find any difference)"


def test_of_combinations_what_could_have_been_found_is_found_too():
    rng = np.random.default_rng(8)

    def mixed(values: np.ndarray) -> Outcomes:
        kinds = np.arange(len(values))[:, None] % 2
        return Outcomes(values[:, None], kinds, np.ones_like(kinds), kinds < 0, np.full(kinds.shape, np.nan))

    above, below = (mixed(0.05 * rng.standard_normal(8)) for _ in range(2))
    found = verdicts.contrast(above, below, combined=True)
    could = verdicts.could_have_found(found, above, below, 0.05 / 20, combined=True)
    spread = np.sqrt((np.var(above.values, ddof=1) + np.var(below.values, ddof=1)) / 2)
    drawn = spread * rng.standard_normal((500, 2, 8)) + np.array([could, 0])[:, None]
    assert 0.74 < power(0.05 / 20, [(mixed(a), mixed(b)) for a, b in drawn], combined=True) < 0.86
    few = [mixed(one.values[:5, 0]) for one in (above, below)]
    assert np.isnan(verdicts.could_have_found(verdicts.contrast(*few, True), *few, 0.05 / 20, True))  # 2/252 at best


def test_correction_multiplies_the_smallest_by_their_number_and_leaves_out_what_is_not_tested():
    assert verdicts.corrected(np.array([0.03, 0.01, 0.5])) == pytest.approx([0.06, 0.03, 0.5])
    assert verdicts.corrected(np.array([0.03, np.nan, 0.01]))[[0, 2]] == pytest.approx([0.03, 0.02])
    assert len(verdicts.corrected(np.array([]))) == 0


def test_order_is_seen_by_chance_in_at_most_5_of_100_studies():
    """Twelve contrasts of arms that do not differ: graded outcomes, and cells that lock in or do not."""
    rng, wrong = np.random.default_rng(2), {"graded": [], "bistable": []}
    for _ in range(150):
        graded = 0.6 + 0.05 * rng.standard_normal((12, 2, 4))
        bistable = np.where(rng.random((12, 2, 4)) < 0.5, 0.95, FLOOR) + 0.01 * rng.standard_normal((12, 2, 4))
        for kind, values in (("graded", graded), ("bistable", bistable)):
            tests = [verdicts.contrast(arm(a), arm(b)) for a, b in values]
            p = verdicts.corrected(np.array([t.p for t in tests]))
            wrong[kind].append(any(verdicts.word(*both) in verdicts.ORDER for both in zip(tests, p, strict=True)))
    assert max(map(np.mean, wrong.values())) <= 0.05 + 0.03
