"""The best place of a layer: whether it depends on the task, and how sure it is."""

import numpy as np
import pytest

from lolameme.statistics import positions
from lolameme.statistics.capacity import bits_per_fact, bits_per_parameter, slope_weights


def graded(*curves: list[float], seeds: int = 5, studies: int = 300) -> np.ndarray:
    """Exact match (studies, tasks, seeds, places) around a curve of places for each task."""
    rng = np.random.default_rng(seeds)
    shape = (studies, len(curves), seeds, len(curves[0]))
    return np.clip(np.array(curves)[:, None] + 0.03 * rng.standard_normal(shape), 0, 1)


def bistable(*chances: list[float], seeds: int = 5, studies: int = 300) -> np.ndarray:
    """Exact match where a place locks in with a chance, else not."""
    rng = np.random.default_rng(seeds)
    locked = rng.random((studies, len(chances), seeds, len(chances[0]))) < np.array(chances)[:, None]
    return np.where(locked, 0.95, 0.4) + 0.01 * rng.standard_normal(locked.shape)


CURVE, FLAT = [0.4, 1, 1, 0.7], [0.4, 0.4, 0.4, 0.4]
SAME_PLACE = {
    "no place matters": lambda seeds: graded(FLAT, FLAT, seeds=seeds),
    "no place matters, half lock in": lambda seeds: bistable([0.5] * 4, [0.5] * 4, seeds=seeds),
    "places matter on one task alone": lambda seeds: graded(CURVE, FLAT, seeds=seeds),
    "the same place, more and less": lambda seeds: graded([0.4, 1, 0.4, 0.4], [0.4, 0.5, 0.4, 0.4], seeds=seeds),
    "other floors": lambda seeds: graded(CURVE, [0.1, 0.7, 0.7, 0.4], seeds=seeds),
    "a ceiling": lambda seeds: graded([0.4, 1, 0.8, 0.7], [0.98, 1.3, 1.2, 1.1], seeds=seeds),
    "one place shared by two that tie": lambda seeds: graded([0.9, 0.9, 0.4, 0.4], [0.9, 0.4, 0.9, 0.9], seeds=seeds),
    "ties, of which half lock in": lambda seeds: bistable([0.5, 0.5, 0, 0], [0.5, 0, 0.5, 0.5], seeds=seeds),
}


@pytest.mark.parametrize("law", SAME_PLACE)
@pytest.mark.parametrize("seeds", [5, 6])
def test_one_best_place_is_taken_for_several_in_5_of_100_studies_at_most(law, seeds):
    assert (positions.one_for_all(SAME_PLACE[law](seeds)) < 0.05).mean() < 0.05


def test_a_best_place_that_depends_on_the_task_is_found():
    assert (positions.one_for_all(graded(CURVE, [0.4, 0.5, 0.7, 1])) < 0.05).mean() > 0.95
    assert (positions.one_for_all(graded(CURVE, [0.4, 0.5, 0.7, 1], seeds=6)) < 0.05 / 6).mean() > 0.95
    assert (positions.one_for_all(graded(CURVE, FLAT, [0.4, 0.5, 0.7, 1], seeds=6)) < 0.05).mean() > 0.95
    assert np.isnan(positions.one_for_all(graded(CURVE))).all()


def test_what_could_have_been_found_of_places_is_found_with_80_percent_power():
    share = positions.smallest_share_at_best(2, 6, 4, 0.05)
    drawn = bistable([share, 0, 0, 0], [0, 0, share, 0], seeds=6, studies=500).round(1)
    assert 0.75 < (positions.one_for_all(drawn) < 0.05).mean() < 0.85
    assert np.isnan(positions.smallest_share_at_best(2, 5, 4, 0.05 / 6))
    assert positions.least_p(2, 5, 4) == pytest.approx(6 / 252)
    assert positions.one_for_all(graded([0, 1, 0, 0], [0, 0, 1, 0], studies=1)) == pytest.approx(6 / 252)


def test_the_best_place_is_as_sure_as_its_seeds_agree():
    assert list(positions.best_places(np.array([[0.4, 0.9, 0.8]] * 3))) == [0, 1, 0]
    assert list(positions.best_places(np.ones((3, 2)))) == [0.5, 0.5]
    unsure = positions.best_places(np.array([[0.4, 0.9, 0.8], [0.4, 0.7, 0.9], [0.4, 0.8, 0.8]]))
    assert unsure.sum() == pytest.approx(1)
    assert unsure[0] == 0 < unsure[1] < unsure[2]


def test_bits_are_those_of_the_values_at_1_and_none_at_chance():
    assert bits_per_fact(1.0, 100) == pytest.approx(np.log2(100))
    assert bits_per_fact(0.01, 100) == bits_per_fact(0.0, 100) == 0
    assert 0 < bits_per_fact(0.2, 100) < bits_per_fact(0.5, 100) < bits_per_fact(0.9, 100)
    assert bits_per_fact(0.75, 2) == pytest.approx(1 + 0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert bits_per_parameter(1.0, 1000, 100, 100_000) == pytest.approx(0.0664, abs=1e-4)


def test_the_slope_over_facts_is_that_of_least_squares():
    facts, reached = [10, 30, 100, 1000], np.array([1.0, 0.9, 0.7, 0.2])
    assert slope_weights(facts) @ reached == pytest.approx(np.polyfit(np.log10(facts), reached, 1)[0])
    with pytest.raises(ValueError, match="at least two numbers of facts"):
        slope_weights([10, 10])
