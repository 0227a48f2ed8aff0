"""Cells know what was asked of them."""

import json

import pytest

from conftest import study
from lolameme.study import cell


def facts(made) -> dict:
    """What a cell of the study keeps, as its file gives it back."""
    asked = json.loads(json.dumps(made.asked("recall", "gpt2")))
    return {"variant": "recall", "architecture": "gpt2", "seed": 1, "asked": asked, "data": "abc"}


def test_a_cell_of_the_study_is_no_stranger():
    cell.check(study(), facts(study()), "abc")
    cell.check(study(architectures=["hyena"], seeds=[5]), facts(study()))


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"training": {"steps": 999}}, "training.batch was 16, the study has 64"),
        ({"match": "flops"}, "match was depth, the study has flops"),
        ({"model": {"layers": 2, "d_model": 32, "heads": 2}}, "model.d_model was 16, the study has 32"),
    ],
)
def test_other_settings_are_named_with_the_remedy(changes, difference):
    with pytest.raises(ValueError, match=r"^recall/gpt2/seed1 was trained with other settings") as caught:
        cell.check(study(**changes), facts(study()))
    assert difference in str(caught.value)
    assert "; delete results/mini/cells/recall/gpt2/seed1 and run the same command again" in str(caught.value)


def test_other_data_are_named_with_the_remedy():
    with pytest.raises(ValueError, match="was trained on other data than the study now has; delete results/mini/cells"):
        cell.check(study(), facts(study()), "xyz")
