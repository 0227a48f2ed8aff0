"""Knocking out a part that matters costs what it carries; a part that says nothing costs nothing."""

import pytest
import torch

from lolameme.analyses import knockout
from lolameme.analyses._frames import checked, pooled
from lolameme.analyses._measures import accompanied, others
from lolameme.analyses._pairs import pairs


@pytest.mark.parametrize("architecture", ["gpt2", "hyena", "thex-2", "linear-attention"])
def test_every_mixer_can_be_knocked_out_for_locals_and_globals(untrained, architecture):
    measured = knockout.measure(untrained("mixed", architecture), knockout.Settings(prompts=24))
    checked("knockout", measured, knockout.COLUMNS)
    assert set(measured["asked"]) == {"locals", "globals"}
    per_asked = 1 + 2 * 2 * 6 + 1  # nothing; two layers of two parts in six ways; one pair of mixers
    assert (measured.groupby("asked").size() == per_asked).all()
    assert (measured["low"] <= measured["exact_match"]).all()
    assert (measured["exact_match"] <= measured["high"]).all()


def test_a_part_that_says_nothing_costs_nothing(untrained):
    cell = untrained("locals")
    some = pairs(cell, "query", 24)
    with torch.no_grad():
        cell.model.blocks[0].down.weight.zero_()
        cell.model.blocks[0].down.bias.zero_()
    measured = knockout.measure(cell, knockout.Settings(prompts=24))
    measured = measured.set_index(["part", "layers", "by", "where"]).sort_index()
    before = measured.loc[("nothing", "", "", "")]
    silent = measured.loc["MLP", "1"]
    assert (silent["logit_difference"] == before["logit_difference"]).all()
    assert len(some) == before["prompts"]
    assert (measured.loc["mixer", "1"]["logit_difference"] != before["logit_difference"]).any()


def test_a_knocked_out_part_speaks_of_another_program_of_the_same_template(untrained):
    some = pairs(untrained("locals"), "query", 48)
    donor, weights = others(some)
    template = some.template.numpy()
    assert (template[donor] == template).all()
    assert (donor != range(len(donor))).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(len(some)))
    assert (weights.diagonal() == 0).all()
    assert ((weights > 0).numpy() <= (template[:, None] == template)).all()


def test_a_prompt_without_another_of_its_template_is_left_out_and_counted(untrained):
    cell = untrained("pairs")
    drawn = pairs(cell, "query", 48)
    asked = accompanied(drawn)
    count = drawn.template.bincount()
    assert len(asked) == int(count[count > 1].sum()) == len(asked.prompts) < len(drawn)
    assert [int(row[last + 1]) for row, last in zip(asked.clean, asked.last, strict=True)] == asked.right.tolist()
    measured = knockout.measure(cell, knockout.Settings(prompts=48))
    assert set(measured["prompts"]) == {len(asked)}
    assert set(measured["alone"]) == {len(drawn) - len(asked)}
    assert knockout.measure(cell, knockout.Settings(prompts=16)).empty  # too few share a template


def test_where_nothing_can_be_asked_there_is_no_row(untrained):
    empty = checked("knockout", knockout.measure(untrained("lists"), knockout.Settings()), knockout.COLUMNS)
    assert len(empty) == 0
    rows = knockout.measure(untrained("locals"), knockout.Settings(prompts=16))
    table = pooled({("lists", "gpt2", 1): empty, ("locals", "gpt2", 2): rows})
    assert list(table.columns) == ["variant", "architecture", "seed", *knockout.COLUMNS]
    assert set(table["seed"]) == {2}
    assert len(table) == len(rows)


def test_what_is_measured_is_what_is_declared(untrained):
    rows = knockout.measure(untrained("locals"), knockout.Settings(prompts=16))
    with pytest.raises(TypeError, match="declared columns"):
        checked("knockout", rows.drop(columns="low"), knockout.COLUMNS)
    with pytest.raises(TypeError, match="column low is declared as float"):
        checked("knockout", rows.assign(low="a"), knockout.COLUMNS)
