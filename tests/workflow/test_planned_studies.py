"""The studies in the repository, as Snakemake plans them."""

import pytest

from conftest import study, study_data
from lolameme.runtime import costing
from lolameme.study import config
from project import Project
from test_studies import JOBS, STUDIES


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_planned_whole(tmp_path, name):
    plan = Project(tmp_path).planned("--configfile", f"studies/{name}.yaml")
    made, (cells, trials) = config.load(STUDIES[name]), JOBS[name]
    assert plan["train"] + plan.get("train_passing", 0) == plan["evaluate"] == cells
    assert plan.get("trial", 0) == trials
    assert plan.get("analyse", 0) == cells * len(made.analyses)
    assert plan["reach"] == len(made.variants) * len(made.world_seeds)
    assert plan["predict"] == plan["page"] == 1
    assert plan == costing.jobs(made)


def test_a_study_that_keeps_some_weights_has_as_many_jobs_as_its_cost_says(tmp_path):
    plan = Project(tmp_path, study_data(weights=[2])).planned()
    assert plan == costing.jobs(study(weights=[2]))
    assert plan["train"] == plan["train_passing"] == 6


def test_a_study_with_trials_has_as_many_jobs_as_its_cost_says(tmp_path):
    given = {"architectures": ["gpt2", "thex-*"]}
    plan = Project(tmp_path, study_data(**given)).planned()
    assert plan == costing.jobs(study(**given))
    assert plan["trial"] == 2 * 2 * 4  # one architecture stands for its family: variants, families, rates
