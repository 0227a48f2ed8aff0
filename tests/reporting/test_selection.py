"""Figures are drawn where a study has what they show."""

import pytest

from conftest import ROOT, study, study_data
from lolameme.reporting import selection
from lolameme.study import config


def test_the_small_study_has_no_figure_of_several_memory_sizes_or_of_transfer():
    assert selection.figures(study()) == [*selection.ALWAYS, "length", "distance"]
    assert selection.recalled(study()) == {"recall": (2, 4)}
    assert selection.memorised(study()) == {"facts": 20}


@pytest.mark.parametrize("name", ["cpu", "gpu", "paper"])
def test_the_large_studies_have_all_figures(name):
    made = config.load(ROOT / f"studies/{name}.yaml")
    assert set(selection.figures(made)) == {*selection.ALWAYS, "memory", "length", "distance", "transfer"}
    assert selection.transferred(made) == [("multi_language", "taught", "transfer")]
    assert selection.recalled(made)["mqar"]
    assert max(selection.memorised(made).values()) == 1000


def test_a_transfer_split_without_its_twin_shows_nothing():
    data = study_data()
    data["variants"]["facts"] |= {
        "program": {"global_share": 1, "languages": {"lola": 1, "meme": 1}},
        "taught_in": {"lola": 1, "meme": 1},
        "holdout": True,
    }
    data["variants"]["facts"]["splits"] = {"transfer": {"ask": "untaught"}}
    assert selection.transferred(config.parse(data)) == [("facts", "test", "transfer")]
    data["variants"]["facts"]["splits"] = {"transfer": {"ask": "untaught", "queries": [2, 2]}}
    assert selection.transferred(config.parse(data)) == []
