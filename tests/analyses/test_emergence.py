"""What comes first in a training is read from the weights that it kept on the way."""

from dataclasses import replace

import oracles
import pandas as pd
import pytest
import torch

from lolameme.analyses import emergence, scores
from lolameme.analyses._frames import checked, pooled
from lolameme.base import tensors
from lolameme.learning import snapshots

pytestmark = pytest.mark.slow

SETTINGS = emergence.Settings(prompts=48)


@pytest.fixture(scope="module")
def cell(untrained, tmp_path_factory):
    """A stack built by hand that binds and looks up, as it stands at the end of a training that kept three snapshots:
    of random weights, of all but what the layer that answers writes, and of the whole."""
    end = oracles.binds_then_looks_up(untrained("few"))
    folder = tmp_path_factory.mktemp("cell")
    weights = snapshots.taken(end.model)
    generator = torch.Generator().manual_seed(0)
    random = {
        k: 0.02 * torch.randn(v.shape, generator=generator) if v.is_floating_point() else v for k, v in weights.items()
    }
    blind = {k: 0 * v if k.startswith("blocks.1.mixer.out_proj") else v.clone() for k, v in weights.items()}
    snapshots.write(folder, {0: random, 2: blind, 5: weights})
    return replace(end, folder=folder, facts=end.facts | {"training": end.facts["training"] | {"snapshots": (0, 2, 5)}})


@pytest.fixture(scope="module")
def measured(cell):
    return checked("emergence", emergence.measure(cell, SETTINGS), emergence.COLUMNS)


def test_the_scores_of_every_snapshot_are_those_of_its_weights(cell, measured):
    assert list(measured["step"].unique()) == [0, 2, 5, 8]
    own = scores.measure(cell, scores.Settings(prompts=48))
    for step in (5, 8):
        rows = measured[measured["step"] == step].drop(columns="step").reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, own)
    assert measured[measured["step"] == 0]["exact_match"].max() < 0.5


def test_what_a_later_layer_takes_is_missing_before_that_layer_is_there(measured):
    curves = emergence.curves(None, pooled({("few", "hyena.attention", 1): measured}))
    value = curves.pivot(index="step", columns="score", values="value")
    assert (value.loc[5, ["binding", "direct", "exact match", "retrieval"]] > 0.9).all()
    assert value.loc[2, "retrieval"] > 0.9  # its matching stands, only what it copies does not leave it
    assert value.loc[2, "exact match"] < 0.5
    reached = emergence.onsets(None, curves).set_index("score")
    assert reached["reached"].to_dict() == {"exact match": 5, "binding": 5, "direct": 5, "retrieval": 2}
    assert reached["before"].to_dict() == {"exact match": 2, "binding": 2, "direct": 2, "retrieval": 0}


def test_what_comes_first_in_every_seed_is_said_and_nothing_where_seeds_differ(measured):
    seeds = pooled({("few", "hyena", seed): measured for seed in (1, 2)})
    assert emergence.findings({"emergence": seeds}) == [
        "few: in Hyena the layer that answers retrieves the value from step 2 on, before anything else is in place; "
        "half of the prompts are answered right from step 5 on (2 of 2 seeds)."
    ]
    at_once = seeds[(seeds["seed"] == 1) | (seeds["step"] != 2)]  # seed 2 has all of it at step 5
    assert emergence.findings({"emergence": at_once}) == []


def test_a_score_that_is_lost_again_was_not_reached():
    steps, low = [0, 2, 5, 8], [0.6, 0.1, 0.6, 0.7]
    facts = {"variant": "v", "architecture": "gpt2", "seed": 1, "verdict": "direct", "answers": 1, "score": "binding"}
    curve = pd.DataFrame(
        [facts | {"step": s, "value": v, "low": v, "high": v} for s, v in zip(steps, low, strict=True)]
    )
    (row,) = emergence.onsets(None, curve).to_dict("records")
    assert (row["before"], row["reached"]) == (2, 5)


def test_a_cell_without_snapshots_is_measured_at_its_end(untrained):
    measured = emergence.measure(untrained("few"), SETTINGS)
    assert list(measured["step"].unique()) == [8]


def test_a_damaged_snapshot_is_named(cell, tmp_path):
    content = (cell.folder / snapshots.FILE).read_bytes()
    (tmp_path / snapshots.FILE).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"snapshots\.safetensors is damaged"):
        emergence.measure(replace(cell, folder=tmp_path), SETTINGS)
    (tmp_path / snapshots.FILE).unlink()
    tensors.save(tmp_path / snapshots.FILE, {})
    assert list(emergence.measure(replace(cell, folder=tmp_path), SETTINGS)["step"].unique()) == [8]
