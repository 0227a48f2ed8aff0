"""What is published about false orders is no more than promised: 5 % of studies."""

import re

import pytest

from conftest import ROOT
from lolameme.statistics.planned import placed_cells, planned
from lolameme.study import config

PUBLISHED = (ROOT / "benchmarks/null.md").read_text()
SHARES = re.findall(r"([\d.]+) % \[([\d.]+), ([\d.]+)\]", PUBLISHED)


def test_the_published_shares_are_those_of_many_studies_and_laws():
    (studies,) = re.findall(r"share of (\d+) studies with any verdict of order", PUBLISHED)
    assert int(studies) >= 2000
    assert len(SHARES) >= 10 * 4


def test_the_studies_that_were_drawn_have_the_tests_of_those_that_are_here():
    found = re.findall(r"`([\w/.]+)` with (\d+) tests", PUBLISHED)
    assert [file for file, _ in found] == ["config.yaml", "studies/cpu.yaml"]
    for file, tests in found:
        study = config.load(ROOT / file)
        assert int(tests) == len(planned(study)) + (placed_cells(study) is not None)


@pytest.mark.parametrize(("share", "low", "high"), [tuple(map(float, each)) for each in SHARES])
def test_no_law_makes_a_study_claim_an_order_that_is_not_there_in_more_than_5_of_100(share, low, high):
    assert share <= 5
    assert low <= share <= high
