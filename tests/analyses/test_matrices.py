"""A matrix says from where a layer gathers: its rows are shares, and nothing comes from the future."""

import oracles
import pytest
import torch

from lolameme.analyses import matrices
from lolameme.analyses._activations import record
from lolameme.analyses._frames import checked
from lolameme.analyses._pairs import pairs
from lolameme.analyses._retrieval import influences, retrieval
from lolameme.study import architectures


@pytest.mark.parametrize("architecture", architectures.PURE)
def test_rows_are_shares_of_the_past(untrained, architecture):
    measured = checked(
        "matrices", matrices.measure(untrained("locals", architecture), matrices.Settings(prompts=2)), matrices.COLUMNS
    )
    assert set(measured["prompt"]) == {0, 1}
    assert (measured["source"] <= measured["to"]).all()
    total = measured.groupby(["prompt", "layer", "group", "to"])["share"].sum()
    assert total.between(1 - 1e-4, 1 + 1e-4).all()


def test_a_lookup_reads_the_value_looked_for(untrained):
    cell = oracles.binds_then_looks_up(untrained("few"))
    (first, _), (second, group) = retrieval(cell.model, pairs(cell, "names", 32))
    assert second[0] > 0.95
    assert group == 1
    assert abs(first[0]) < 0.1


def test_hyenas_effective_matrix_times_its_values_is_the_layer(untrained):
    cell = untrained("few", "hyena")
    tokens = pairs(cell, "names", 16).clean[:4]
    _, kept = record(cell.model, tokens, [("resid_pre", 0), ("mixed", 0)])
    with torch.inference_mode():
        block = cell.model.blocks[0]
        z = block.mixer.in_proj(block.mixer_norm(kept["resid_pre", 0]))
        v = block.mixer.short(z).chunk(3, dim=-1)[-1]
        product = torch.einsum("bdts,bsd->btd", block.mixer.matrix(z), v)
    torch.testing.assert_close(product, kept["mixed", 0], atol=1e-4, rtol=1e-3)


def test_a_layer_is_shown_with_the_stream_that_it_really_reads(untrained):
    cell = untrained("few", "thex-2")
    tokens = pairs(cell, "names", 16).clean[:4]
    _, kept = record(cell.model, tokens, [("resid_pre", 1)])
    with torch.inference_mode():
        block = cell.model.blocks[1]
        expected = block.mixer.influence(block.mixer.in_proj(block.mixer_norm(kept["resid_pre", 1])))
    torch.testing.assert_close(influences(cell.model, tokens)[1], expected)
