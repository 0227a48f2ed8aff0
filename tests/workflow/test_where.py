"""Where the time of a study went, by Snakemake's own records."""

from collections import Counter

import pytest

from conftest import ROOT, study


def test_every_job_of_a_finished_study_counts_once_by_its_rule(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import where

    from lolameme.runtime import costing

    made = where.jobs(study().paths)
    planned = Counter(costing.jobs(study()))
    counted = Counter(job.rule for job in made)
    assert {rule: n for rule, n in planned.items() if rule not in ("all", "database")} == counted
    assert all(job.begun <= job.ended for job in made)
    rows = where.by_rule(made)
    assert sum(int(row[1]) for row in rows) == len(made)
    assert [float(row[2]) for row in rows] == pytest.approx(sorted((float(row[2]) for row in rows), reverse=True))
