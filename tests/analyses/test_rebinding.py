"""Who reads the prompt answers what it says now; who knows answers by heart is found out."""

import oracles
import pandas as pd
import pytest
import torch

from lolameme.analyses import rebinding
from lolameme.analyses._frames import checked
from lolameme.analyses._pairs import pairs

SETTINGS = rebinding.Settings(prompts=48)


def measured(cell):
    return checked("rebinding", rebinding.measure(cell, SETTINGS), rebinding.COLUMNS).set_index("answer")


def test_a_stack_that_looks_up_follows_the_deranged_pairs(untrained):
    found = measured(oracles.binds_then_looks_up(untrained("few")))
    assert list(found["share"]) == [1, 1, 0]
    assert found["guess"].between(0.1, 0.6).all()


def test_a_stack_that_always_says_one_value_answers_old_ones_as_guessing_does(untrained):
    """Its answers do not move: what it gets right as written it says still, and that is an old value."""
    cell = untrained("few")
    asking = pairs(cell, "rebinding", 48)
    value = int(asking.right.mode().values)
    with torch.no_grad():
        cell.model.norm.weight.zero_()
        cell.model.norm.bias.copy_(100 * cell.model.embedding.weight[value])
    found = measured(cell)
    share = float((asking.right == value).float().mean())
    assert found["share"]["before"] == found["share"]["old"] == pytest.approx(share)
    assert found["share"]["new"] == pytest.approx(float((asking.other == value).float().mean()))


def test_lists_have_no_pairs_to_derange(untrained):
    assert len(rebinding.measure(untrained("lists"), SETTINGS)) == 0


def test_a_leak_is_told_from_chance():
    """Twenty cells: one at 0.49 where guessing gives 0.40 is chance, one at 0.60 is not."""
    rows = [
        {"variant": "recall", "architecture": name, "seed": seed, "answer": "old", "prompts": 128, "share": share}
        for name, first in (("gpt2", 0.49), ("hyena", 0.60), ("thex-1", 0.4), ("thex-2", 0.0))
        for seed, share in enumerate((first, 0.4, 0.4, 0.35, 0.4))
    ]
    told = pd.DataFrame(rows).assign(guess=0.4)
    (leak,) = rebinding.findings({"rebinding": told})
    assert leak == (
        "recall, Hyena: with its pairs deranged, 1 of 5 cells still answer the old value more often than guessing "
        "would (0.60): they know it from elsewhere than the prompt, or read the pair beside it."
    )
    (none,) = rebinding.findings({"rebinding": told[told["architecture"] != "hyena"]})
    assert none == (
        "recall: with its pairs deranged, in no cell are old values surely more frequent than guessing among the "
        "program's values would make them (0.40)."
    )
