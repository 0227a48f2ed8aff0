"""Probes find what is there and tell no more than chance where nothing is, beside a control and random weights."""

import numpy as np
import oracles
import pytest
import torch

from lolameme.analyses import probes
from lolameme.analyses._frames import checked
from lolameme.analyses._labels import labels
from lolameme.analyses._pairs import pairs
from lolameme.analyses._ridge import Examples, accuracies, controlled
from lolameme.base.seeds import generator
from lolameme.learning.cell import Job

pytestmark = pytest.mark.slow


def test_a_linear_reader_finds_a_linear_code_and_no_label_that_is_not_there():
    rng = generator(1, "test")
    classes = rng.integers(0, 4, 400)
    code = rng.normal(size=(4, 12))[classes] + 0.1 * rng.normal(size=(400, 12))
    examples = Examples(code, classes, np.arange(400))
    train, test = np.arange(200), np.arange(200, 400)
    (found,) = accuracies(examples[train], [examples[test]])
    control = controlled(examples, rng)
    (by_chance,) = accuracies(control[train], [control[test]])
    assert found.mean() == 1
    assert by_chance.mean() < 0.4


def test_a_control_gives_one_label_to_each_kind():
    examples = Examples(np.zeros((60, 1)), np.arange(60) % 3, np.arange(60) % 10)
    labelled = controlled(examples, generator(1, "test"))
    assert all(len(set(labelled.classes[examples.kinds == kind])) == 1 for kind in range(10))
    assert len(set(labelled.classes)) > 1


def test_names_are_found_where_they_were_bound(untrained):
    cell = untrained("few")
    oracle = oracles.binds_then_looks_up(cell)
    measured = checked("probes", probes.measure(oracle, probes.Settings(prompts=96)), probes.COLUMNS)
    trained = measured[(measured["weights"] == "trained") & (measured["held_out"] == "programs")]
    accuracy = trained.set_index(["about", "layer"])["accuracy"]
    assert accuracy["name bound", 0] < 0.5
    assert accuracy["name bound", 1] == 1
    assert accuracy["value", 1] < 0.4
    assert accuracy["value", 2] == 1
    assert set(measured["weights"]) == {"trained", "random"}
    assert np.allclose(measured["selectivity"], measured["accuracy"] - measured["control"])


def test_the_floor_is_read_from_the_very_weights_that_the_cell_began_with(untrained, small):
    cell = untrained("few")
    job = Job(small, cell.cell, small.training_of("few", "thex-2"), cell.data, threads=1)
    began = job.model.state_dict()
    floor = cell.at_the_start().state_dict()
    assert floor.keys() == began.keys()
    assert all(torch.equal(floor[name], weights) for name, weights in began.items())


def test_held_out_names_are_in_no_example_to_fit_on(untrained):
    cell = untrained("mixed")
    asking = pairs(cell, "query", 96)
    for about, known in labels(cell, asking).items():
        for held_out, train, test in known.divisions(len(asking)):
            assert not set(known.program[train]) & set(known.program[test])
            if held_out == "names":
                assert about not in ("name bound", "name asked")
                assert not set(known.names[train]) & set(known.names[test])


def test_types_and_languages_are_asked_only_where_there_are_several(untrained):
    found = {
        variant: set(labels(c, pairs(c, "query", 48)))
        for variant in ("few", "locals", "mixed")
        for c in [untrained(variant)]
    }
    assert "language" in found["locals"]
    assert "language" not in found["few"]
    assert "type" in found["mixed"]
    assert "type" not in found["locals"]
