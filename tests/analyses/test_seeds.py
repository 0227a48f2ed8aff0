"""A sentence speaks of all seeds or is not said; means over seeds come with their intervals."""

import math

import pandas as pd
import pytest

from lolameme.analyses import _seeds, filters, knockout, patching, probes

CELL = {"variant": "near", "architecture": "thex-2"}
SURE, UNKNOWN = {"effect": 1.0, "low": 0.9, "high": 1.0}, dict.fromkeys(("effect", "low", "high"), math.nan)


def patched(noticed: int, seeds: int = 5) -> pd.DataFrame:
    """Two names exchanged, values patched after layer 1: so many seeds notice it, the others do not."""
    facts = CELL | {"kind": "names", "layer": 1, "role": "value"}
    return pd.DataFrame(
        facts | {"seed": seed, "direction": direction} | (SURE if seed < noticed else UNKNOWN)
        for seed in range(seeds)
        for direction in ("corrupt", "restore")
    )


def knocked_out(pair: float, seeds: int = 3) -> pd.DataFrame:
    """Four mixers: 1 and 2 are needed, 3 and 4 each to spare; without 3 and 4 `pair` of exact match is left."""
    left = {"": 1.0, "1": 0.0, "2": 0.0, "3": 1.0, "4": 1.0, "3+4": pair}
    parts = {"": "nothing", "3+4": "mixers"}
    facts = CELL | {"asked": "locals", "by": "resample", "where": "everywhere"}
    return pd.DataFrame(
        facts
        | {"seed": seed, "part": parts.get(layers, "mixer"), "layers": layers}
        | dict.fromkeys(("exact_match", "low", "high"), exact)
        for seed in range(seeds)
        for layers, exact in left.items()
    )


def test_where_two_of_five_seeds_notice_the_exchange_patching_says_nothing():
    assert patching.findings({"patching": patched(noticed=2)}) == []
    (said,) = patching.findings({"patching": patched(noticed=5)})
    assert "stands at the value" in said
    assert said.endswith("5 of 5 seeds).")


def test_a_seed_that_was_asked_something_else_only_counts_too():
    rows = patched(noticed=5)
    rows.loc[rows["seed"] == 4, "kind"] = "global"
    assert patching.findings({"patching": rows}) == []


def test_a_mean_over_seeds_counts_those_that_notice():
    (corrupt, _) = patching.over_seeds(None, patched(noticed=2)).to_dict("records")
    assert (corrupt["seeds"], corrupt["noticed"], corrupt["effect"]) == (5, 2, 1.0)
    (none, _) = patching.over_seeds(None, patched(noticed=0)).to_dict("records")
    assert (none["noticed"], math.isnan(none["effect"])) == (0, True)


@pytest.mark.parametrize("pair", [0.2, 1.0])
def test_knockout_says_of_single_mixers_no_more_than_was_measured_of_them(pair):
    (said,) = knockout.findings({"knockout": knocked_out(pair)})
    assert said == (
        "near: T HEX-2 needs the mixers of layers 1, 2 to recall locals; any one of the others can speak of another "
        "program and exact match falls by less than 0.05 (3 of 3 seeds)."
    )


def test_costs_are_means_over_seeds_with_their_intervals():
    rows = knocked_out(0.2)
    rows.loc[(rows["seed"] == 0) & (rows["layers"] == "3"), "exact_match"] = 0.7
    found = knockout.costs(None, rows).set_index("layers").loc["3"]
    assert (found["seeds"], found["cost"]) == (3, pytest.approx(0.1))
    assert found["low"] == pytest.approx(0.1 - 4.3027 * 0.1, abs=1e-3)  # t of two degrees of freedom


def test_a_seed_without_rows_is_no_seed_that_agrees():
    facts = CELL | {"low": 0.9}
    needed = pd.DataFrame(
        facts
        | {"seed": seed, "asked": asked, "filter": "whole", "exact_match": 1.0, "high": 1.0, "taps": 0, "layer": 0}
        for seed, asked in ((1, "locals"), (2, "globals"))
    )
    assert filters.findings({"filters": needed}) == []
    read = pd.DataFrame(
        facts | {"seed": seed, "about": about, "held_out": "programs", "weights": "random", "layer": 1}
        for seed, about in ((1, "name bound"), (2, "value"))
    )
    assert probes.findings({"probes": read}) == []
    assert len(probes.findings({"probes": read[read["seed"] == 1]})) == 1


def test_a_mean_of_nothing_is_undefined():
    assert all(map(math.isnan, _seeds.mean(pd.Series([math.nan, math.nan]))))
    assert _seeds.mean(pd.Series([0.5, math.nan]))[0] == 0.5
