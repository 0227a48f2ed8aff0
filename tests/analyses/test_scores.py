"""The verdict names the route of a stack whose mechanism is known, and finds none where there is none."""

import copy
import math
from dataclasses import replace

import oracles
import pandas as pd
import pytest
import torch

from lolameme.analyses import scores
from lolameme.analyses._frames import checked
from lolameme.analyses._routes import BIND, DIRECT, NOTHING, ROUTES, UNDEFINED
from lolameme.analyses._verdict import verdict
from lolameme.learning.device import Device

SETTINGS = scores.Settings(prompts=48)


@pytest.fixture(scope="module")
def cells(untrained):
    cell = untrained("few")
    return {BIND: oracles.binds_then_looks_up(cell), DIRECT: oracles.retrieves_directly(cell)}


@pytest.mark.parametrize(("route", "answers"), [(BIND, 2), (DIRECT, 1)])
def test_a_stack_built_by_hand_gets_the_verdict_of_its_route(cells, route, answers):
    measured = checked("scores", scores.measure(cells[route], SETTINGS), scores.COLUMNS)
    assert (measured["exact_match"] == 1).all()
    assert set(measured["verdict"]) == {route}
    assert set(measured["answers"]) == {answers}


def test_what_is_bound_at_the_values_is_what_lookup_needs(cells):
    measured = scores.measure(cells[BIND], SETTINGS).set_index("layer")
    assert measured["binding"][0] == pytest.approx(0, abs=0.01)
    assert measured["binding"][1] == pytest.approx(1, abs=0.05)
    assert measured["direct"][1] == pytest.approx(0, abs=0.05)
    assert measured["direct"][2] == pytest.approx(1, abs=0.05)
    assert measured["retrieval"][2] > 0.9
    assert measured["retrieval"][1] < 0.1


def test_direct_retrieval_leaves_nothing_at_the_values(cells):
    measured = scores.measure(cells[DIRECT], SETTINGS).set_index("layer")
    assert measured["binding"].abs().max() < 0.01
    assert measured["direct"][1] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("architecture", ["gpt2", "hyena", "thex-2", "linear-attention"])
def test_random_weights_bind_nothing(untrained, architecture):
    for variant in ("few", "pairs"):
        measured = scores.measure(untrained(variant, architecture), SETTINGS)
        assert set(measured["verdict"]) == {NOTHING}
        assert measured["binding"].isna().all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
@pytest.mark.parametrize("route", [BIND, DIRECT])
def test_a_gpu_measures_what_a_processor_measures(cells, route):
    """Up to what TF32, in which a GPU multiplies matrices, leaves of a number: ten bits."""
    cell = cells[route]
    gpu = Device.choose("cuda", "float32")
    moved = replace(cell, model=copy.deepcopy(cell.model).to(gpu.torch_device), device=gpu)
    here, there = (scores.measure(one, SETTINGS).drop(columns="group") for one in (cell, moved))  # groups may tie
    pd.testing.assert_frame_equal(there, here, rtol=0, atol=0.01)


def test_a_task_without_names_to_exchange_has_no_verdict(untrained):
    measured = checked("scores", scores.measure(untrained("lists"), SETTINGS), scores.COLUMNS)
    assert list(measured["verdict"]) == [UNDEFINED]


SURE, NONE, HALF = (1.0, 0.95, 1.0), (0.0, -0.05, 0.05), (0.35, 0.3, 0.4)


@pytest.mark.parametrize(
    ("told_apart", "binding", "direct", "retrieval", "expected"),
    [
        (5, [NONE, SURE, NONE], [NONE, NONE, SURE], [NONE, SURE], (BIND, 2)),
        (5, [NONE, SURE, NONE], [NONE, NONE, SURE], [NONE, NONE], (UNDEFINED, 2)),  # bound, but nothing reads it
        (5, [NONE, NONE, NONE], [NONE, SURE, SURE], [NONE, SURE], (DIRECT, 1)),
        (5, [NONE, HALF, NONE], [NONE, NONE, SURE], [NONE, SURE], (UNDEFINED, 2)),  # between the thresholds
        (5, [NONE, (0.55, 0.45, 0.65), NONE], [NONE, NONE, SURE], [NONE, SURE], (UNDEFINED, 2)),  # not surely above
        (5, [NONE, (0.15, 0.05, 0.25), NONE], [NONE, NONE, SURE], [NONE, SURE], (UNDEFINED, 2)),  # not surely below
        (0.9, [SURE] * 3, [SURE] * 3, [SURE] * 2, (NOTHING, 0)),
        (5, [NONE] * 3, [NONE] * 3, [NONE] * 2, (UNDEFINED, 0)),
    ],
)
def test_the_rules_hold_at_their_thresholds(told_apart, binding, direct, retrieval, expected):
    found = verdict(told_apart, binding, direct, retrieval)
    assert (found.route, found.layer) == expected
    assert found.route in ROUTES


def test_undefined_scores_are_not_numbers(untrained):
    row = scores.measure(untrained("few"), SETTINGS).iloc[-1]
    assert all(math.isnan(row[name]) for name in ("binding", "direct"))
    assert 0 <= row["exact_match"] <= 1
