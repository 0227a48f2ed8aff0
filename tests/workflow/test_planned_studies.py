"""The studies in the repository, as Snakemake plans them."""

import pytest

from lolameme.study import config
from project import Project
from test_studies import JOBS, STUDIES


@pytest.mark.parametrize("name", ["controls", "reach"])
def test_a_small_study_is_planned_whole(tmp_path, name):
    plan = Project(tmp_path).planned("--configfile", f"studies/{name}.yaml")
    made = config.load(STUDIES[name])
    assert (plan["train"], plan["evaluate"]) == (JOBS[name][0],) * 2
    assert plan["reach"] == len(made.variants) * len(made.seeds)
    assert plan["predict"] == plan["page"] == 1
