"""One bad variant of two costs the report nothing but that variant."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from conftest import study
from lolameme.reporting import incomplete

REPORT = """
from lolameme.reporting import incomplete
from lolameme.study import config
print(incomplete.report(config.load("config.yaml"), ["studies/mine.yaml"]))
"""


def test_what_is_whole_is_reported_and_made_again_once_the_rest_is_there(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    cell = project.folder / "results/mini/cells/facts/hyena/seed2"
    (cell / "metrics.json").write_bytes((cell / "metrics.json").read_bytes()[:100])
    environment = os.environ | {"PYTHONPATH": str(project.folder / "workflow")}
    done = subprocess.run(
        [sys.executable, "-c", REPORT], cwd=project.folder, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "['facts']\n", done.stderr
    page = (project.folder / "reports/mini/index.html").read_text()
    assert "facts is missing, because jobs failed" in page
    assert "cell:recall/hyena/seed2" in page
    assert "<code>snakemake --cores all --configfile studies/mine.yaml</code>" in page
    assert "cell:facts/hyena/seed2" not in page
    board = pd.read_parquet(project.folder / "results/mini/tables/leaderboard.parquet")
    assert set(board["variant"]) == {"recall"}
    (cell / "metrics.json").unlink()
    planned = project.planned()
    assert planned["evaluate"] == planned["page"] == 1
    assert planned["table"] >= 2


def test_where_nothing_is_missing_nothing_is_done(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    before = {path: path.stat().st_mtime_ns for path in (finished.folder / "reports").rglob("*")}
    assert incomplete.report(study(), []) == []
    assert {path: path.stat().st_mtime_ns for path in (finished.folder / "reports").rglob("*")} == before


@pytest.mark.parametrize("contrasts", [None, [{"name": "one", "above": ["gpt2"], "below": ["hyena"]}]])
def test_a_part_of_a_study_is_a_study(contrasts):
    made = study(contrasts=contrasts, claims={"C4": ["recall", "facts"], "C3": ["facts"]})
    part = made.only(["recall"])
    assert list(part.variants) == ["recall"]
    assert (part.claims.C4, part.claims.C3) == (("recall",), ())
    assert part.paths == made.paths
    named = study(contrasts=[{"name": "one", "above": ["gpt2"], "below": ["hyena"], "variants": ["facts"]}])
    assert named.only(["recall"]).contrasts == ()
