"""Taps that a stack built by hand reads are found to be needed, all others not; and filters are left as they were."""

import oracles
import pandas as pd
import pytest
import torch

from lolameme.analyses import _taps, filters
from lolameme.analyses._frames import checked

SETTINGS = filters.Settings(prompts=24)


def test_a_lookup_needs_the_two_taps_that_bind_and_no_long_filter(untrained):
    cell = oracles.binds_then_looks_up(untrained("few"))
    measured = checked("filters", filters.measure(cell, SETTINGS), filters.COLUMNS)
    exact = measured.set_index(["layer", "filter", "taps"]).sort_index()["exact_match"]
    assert exact[0, "whole", 0] == 1
    assert exact[1, "short"][1] < 0.9  # the name asked, just before the answer sign
    assert exact[1, "short"][2] < 0.9  # a value's name, two tokens back
    assert (exact[1, "long"] == 1).all()


def test_direct_retrieval_needs_its_long_filter_as_far_as_the_binding_lies(untrained):
    cell = untrained("few")
    measured = filters.measure(oracles.retrieves_directly(cell), SETTINGS)
    first = measured[measured["layer"] == 1]
    exact = first[first["filter"] == "long"].set_index("taps")["exact_match"]
    assert exact[0] < 0.5
    assert exact[16] == 1
    assert exact.is_monotonic_increasing
    assert 4 < filters.causal_length(first, 1.0) <= 16
    assert (measured.loc[measured["layer"] == 2, "exact_match"] == 1).all()  # it says nothing


@pytest.mark.parametrize("architecture", ["gpt2", "hyena", "thex-2", "linear-attention", "thex-2@3-1"])
def test_any_mixer_may_have_filters_or_none(untrained, architecture):
    cell = untrained("mixed", architecture)
    before = {name: tensor.clone() for name, tensor in cell.model.state_dict().items()}
    measured = checked("filters", filters.measure(cell, SETTINGS), filters.COLUMNS)
    has = {"gpt2": set(), "hyena": {"whole", "short", "long"}, "linear-attention": {"whole", "short"}}
    assert set(measured["filter"]) == has.get(architecture, has["hyena"])
    short = set(measured.loc[measured["filter"] == "short", "taps"])
    assert short == {"gpt2": set(), "linear-attention": {0, 1, 2, 3}, "thex-2@3-1": {0, 2}}.get(architecture, {0, 1, 2})
    assert all(torch.equal(before[name], tensor) for name, tensor in cell.model.state_dict().items())
    assert all(not module._forward_hooks for module in cell.model.modules())


def test_energy_is_shared_out_among_taps(untrained):
    block = untrained("few", "hyena").model.blocks[0]
    assert sum(_taps.short_energy(block).values()) == pytest.approx(1)
    long = _taps.long_energy(block, 20, range(21))
    assert long[0] == 0
    assert long[20] == pytest.approx(1)
    assert list(long.values()) == sorted(long.values())


def test_no_causal_length_where_no_cut_keeps_enough():
    rows = pd.DataFrame({"filter": ["long", "long"], "taps": [0, 4], "exact_match": [0.1, 0.5]})
    assert filters.causal_length(rows, 0.9) is None
    assert filters.causal_length(rows, 0.5) == 4
