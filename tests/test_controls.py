"""The study of controls: its contrasts have the verdicts that are known before it runs."""

import pandas as pd

from conftest import ROOT
from lolameme.base.files import read_frame
from lolameme.reporting.contrasts import contrasts
from lolameme.statistics import verdicts
from lolameme.statistics.means import ALPHA
from lolameme.statistics.planned import planned, power
from lolameme.study import config

STUDY = config.load(ROOT / "studies/controls.yaml")
TABLES = ROOT / "published/controls/tables"
KNOWN = {  # by variant, split and arms; what a contrast is called begins with its answer
    (test.variant, test.split, " ".join(test.above), " ".join(test.below)): test.name.partition(": ")[0]
    for test in planned(STUDY)
}


def found(table: pd.DataFrame) -> dict[tuple, str]:
    """The verdicts of a table of contrasts."""
    return table.set_index(["variant", "split", "above", "below"])["verdict"].to_dict()


def test_each_verdict_of_a_contrast_is_known_of_one_and_can_be_decided():
    words = {verdicts.SAME, verdicts.OTHER, verdicts.UNDECIDED, verdicts.AT_CEILING, verdicts.AT_FLOOR}
    assert sorted(KNOWN.values()) == sorted(words)
    assert power(STUDY)[1] < ALPHA


def test_published_cells_give_the_known_verdicts():
    assert found(contrasts(STUDY, read_frame(TABLES / "cells.parquet"))) == KNOWN


def test_published_verdicts_are_the_known_ones():
    assert found(pd.read_csv(TABLES / "contrasts.csv")) == KNOWN
