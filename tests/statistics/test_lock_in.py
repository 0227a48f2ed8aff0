"""Lock-in and floors: tests that hold, exact intervals, steps that may be censored."""

import numpy as np
import pytest

from lolameme.base.floor import p_at_floor
from lolameme.statistics import lock_in
from lolameme.statistics.answers import Answers


def clustered(rng, floor: float, studies: int, programs: int = 60, queries: int = 8):
    """Hits of programs whose queries share much of their luck: programs differ in how easy they are."""
    easy = rng.beta(2 * floor, 2 * (1 - floor), (studies, programs))
    return rng.binomial(queries, easy).astype(float), np.full(programs, queries)


def test_guessing_is_taken_for_knowledge_in_5_of_100_cells():
    hits, queries = clustered(np.random.default_rng(1), 0.4, 3000)
    found = np.array([p_at_floor(row, queries, 0.4) for row in hits])
    assert 0.03 < (found < 0.05).mean() < 0.07
    naive = (hits.sum(1) / queries.sum() - 0.4) / np.sqrt(0.24 / queries.sum()) > 1.645
    assert naive.mean() > 0.15  # what counting queries as draws would give


def test_knowledge_is_seen():
    hits, queries = clustered(np.random.default_rng(2), 0.6, 200)
    assert np.mean([p_at_floor(row, queries, 0.4) < 0.05 for row in hits]) > 0.95


def test_cells_whose_programs_come_out_alike_are_judged_by_the_number_of_programs():
    queries = np.full(20, 4)
    assert p_at_floor(np.full(20, 4.0), queries, 0.5) == pytest.approx(0.5**20)
    assert p_at_floor(np.zeros(20), queries, 0.5) == 1


def test_a_cell_locks_in_halfway_from_its_floor_to_1():
    def cell(share: float) -> Answers:
        return Answers(np.repeat([4.0, 0.0], [round(100 * share), 100 - round(100 * share)]), np.full(100, 4), 0.44)

    assert [(c.above, c.locked, c.high) for c in map(cell, (0.44, 0.64, 0.73, 0.99))] == [
        (False, False, False), (True, False, False), (True, True, False), (True, True, True),
    ]  # fmt: skip
    few = Answers(np.array([4.0, 0.0, 4.0]), np.full(3, 4), 0.2)
    assert few.exact_match > lock_in.goal(0.2)
    assert not few.locked  # three programs say too little


def test_intervals_of_k_of_n_are_exact_and_cover_at_least_as_often_as_they_say():
    assert lock_in.share_locked(0, 5) == pytest.approx((0, 0.5218), abs=1e-4)
    assert lock_in.share_locked(5, 5) == pytest.approx((0.4782, 1), abs=1e-4)
    rng = np.random.default_rng(3)
    for chance in (0.1, 0.5, 0.9):
        low, high = np.array([lock_in.share_locked(k, 5) for k in range(6)]).T
        drawn = rng.binomial(5, chance, 2000)
        assert ((low[drawn] <= chance) & (high[drawn] >= chance)).mean() >= 0.95 - 0.015


def test_fishers_test_of_none_of_5_against_20_of_25():
    assert lock_in.fisher(0, 5, 20, 25) == pytest.approx(0.002, abs=5e-4)
    assert lock_in.fisher(3, 3, 0, 3) == pytest.approx(0.1)


def test_the_unit_of_a_share_is_the_seed():
    def p(above: list[int], stacks: int, below: list[int]) -> float:
        grid = np.arange(stacks) < np.array(above)[:, None]  # of each seed so many cells lock in
        return lock_in.same_share(grid, np.array(below, bool)[:, None])

    assert p([1] * 5, 1, [0] * 5) == pytest.approx(2 / 252) == lock_in.fisher(5, 5, 0, 5)
    assert p([1, 1, 1, 0, 1], 1, [0, 1, 0, 0, 0]) == pytest.approx(lock_in.fisher(4, 5, 1, 5))
    assert p([3] * 5, 3, [0] * 5) == pytest.approx(2 / 252)  # as clear as five seeds can be
    assert p([3, 3, 3, 0, 0], 3, [0] * 5) == pytest.approx(lock_in.fisher(3, 5, 0, 5))
    assert lock_in.fisher(9, 15, 0, 5) < 0.04  # nine cells of fifteen; but it is three seeds of five
    assert p([1] * 5, 3, [0] * 5) == lock_in.fisher(5, 15, 0, 5)  # shares of three stacks lie close by their number


@pytest.mark.parametrize("alike", [0.0, 0.5, 1.0])
def test_arms_of_several_stacks_err_as_they_say_however_alike_the_cells_of_a_seed_are(alike):
    """Half of all cells lock in; each takes its luck from its seed and arm with the chance `alike`."""
    rng, drawn = np.random.default_rng(5), 1500
    own, common = rng.random((drawn, 2, 5, 3)) < 0.5, rng.random((drawn, 2, 5, 1)) < 0.5
    locked = np.where(rng.random(own.shape) < alike, common, own)
    p = np.array([lock_in.same_share(above, below[:, :1]) for above, below in locked])
    assert (p < 0.05).mean() < 0.05
    assert (p < 0.01).mean() < 0.02


def test_the_smallest_share_is_found_with_80_percent_power():
    share = lock_in.smallest_share(8)
    rng = np.random.default_rng(4)
    found = [lock_in.fisher(int(k), 8, 0, 8) < 0.05 for k in rng.binomial(8, share, 4000)]
    assert 0.78 < np.mean(found) < 0.82
    assert np.isnan(lock_in.smallest_share(3))
    assert np.isnan(lock_in.smallest_share(5, 0.05 / 20))


def test_steps_to_lock_in_are_those_after_which_a_cell_never_falls_back():
    steps = np.array([0, 10, 20, 30])
    assert lock_in.steps_to_lock_in(steps, np.array([0.1, 0.8, 0.9, 1.0]), 0.2, True) == 10
    assert lock_in.steps_to_lock_in(steps, np.array([0.1, 0.8, 0.3, 1.0]), 0.2, True) == 30
    assert lock_in.steps_to_lock_in(steps, np.array([0.1, 0.8, 0.9, 0.5]), 0.2, True) == np.inf
    assert lock_in.steps_to_lock_in(steps, np.ones(4), 0.2, True) == 0
    assert [lock_in.censored(s, 30) for s in (10.0, np.inf, None)] == ["10", "> 30", "–"]


def test_where_guessing_reaches_everything_nobody_locks_in():
    """One value in the prompt: all are right from the start, which is no lock-in, and so takes no steps."""
    cell = Answers(np.ones(100), np.ones(100), 1.0)
    assert cell.exact_match == lock_in.goal(cell.floor)
    assert not cell.locked
    assert lock_in.steps_to_lock_in(np.array([0, 10]), np.ones(2), cell.floor, cell.locked) == np.inf
