"""The best place of a layer: whether it depends on the task, and how sure it is."""

import numpy as np
import pytest

from lolameme.statistics import positions
from lolameme.statistics.capacity import bits_per_fact, bits_per_parameter, slope_weights


def test_places_that_do_not_matter_interact_with_tasks_in_5_of_100_studies(monkeypatch):
    monkeypatch.setattr(positions, "RESAMPLES", 99)
    rng = np.random.default_rng(1)
    found = [positions.interaction(0.7 + 0.05 * rng.standard_normal((3, 3, 4))) for _ in range(200)]
    bistable = [positions.interaction(rng.choice([0.4, 0.95], (3, 3, 4))) for _ in range(200)]
    assert np.mean(np.array(found) <= 0.05) < 0.09
    assert np.mean(np.array(bistable) <= 0.05) < 0.09


def test_a_place_that_is_best_in_every_task_is_no_interaction():
    values = np.full((3, 4, 4), 0.4) + 0.01 * np.random.default_rng(2).standard_normal((3, 4, 4))
    values[:, :, 1] += 0.5
    assert positions.interaction(values) > 0.05


def test_a_place_that_depends_on_the_task_is_found():
    values = np.full((2, 4, 4), 0.4) + 0.01 * np.random.default_rng(3).standard_normal((2, 4, 4))
    values[0, :, 1] += 0.5
    values[1, :, 3] += 0.5
    assert positions.interaction(values) < 0.01
    assert np.isnan(positions.interaction(values[:1]))


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
