"""One bad variant of two costs the report nothing but that variant."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from conftest import study
from lolameme.reporting import incomplete, published, registry
from lolameme.runtime import records

REPORT = """
from lolameme.reporting import incomplete
from lolameme.study import config
print(incomplete.report(config.load("config.yaml"), ["studies/mine.yaml"]))
"""


def typed(folder: Path, *command: str) -> subprocess.CompletedProcess:
    """What Python does with these arguments in the folder of a project."""
    environment = os.environ | {"PYTHONPATH": str(folder / "workflow")}
    return subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)


def test_what_is_whole_is_reported_and_made_again_once_the_rest_is_there(finished, tmp_path, monkeypatch):
    project = finished.copy(tmp_path / "project")
    monkeypatch.chdir(project.folder)
    assert not incomplete.partial(study())
    tables, predicted = Path("results/mini/tables"), Path("results/mini/predictions.parquet").stat()
    made = sorted(path.name for path in tables.glob("*.parquet"))
    shutil.rmtree(tables)  # as where the study has never been whole
    cell = project.folder / "results/mini/cells/facts/hyena/seed2"
    (cell / "metrics.json").write_bytes((cell / "metrics.json").read_bytes()[:100])
    done = typed(project.folder, "-c", REPORT)
    assert done.stdout == "['facts']\n", done.stderr
    page = (project.folder / "reports/mini/index.html").read_text()
    assert "facts is missing, because jobs failed" in page
    assert "cell:recall/hyena/seed2" in page
    assert "<code>snakemake --cores all --configfile studies/mine.yaml</code>" in page
    assert "cell:facts/hyena/seed2" not in page
    assert sorted(path.name for path in tables.glob("*.parquet")) == made
    assert Path("results/mini/predictions.parquet").stat().st_mtime == predicted.st_mtime
    board = pd.read_parquet(project.folder / "results/mini/tables/leaderboard.parquet")
    assert set(board["variant"]) == {"recall"}
    assert incomplete.partial(study())
    with pytest.raises(ValueError, match=r"reports a part of the study; run `make study CONFIG=mine\.yaml`"):
        published.publish(study(), Path("mine.yaml"), tmp_path / "published")
    said = typed(project.folder, "-m", "lolameme.cli", "told").stderr
    assert "reports/mini/index.html reports a part of the study; run `make study`" in said
    (cell / "metrics.json").unlink()
    planned = project.planned()
    assert planned["evaluate"] == planned["page"] == 1
    assert "predict" not in planned
    assert planned["table"] == len(made)


def test_predictions_that_an_earlier_report_of_a_part_made_are_made_again(finished, tmp_path, monkeypatch):
    """By then another part may be whole."""
    monkeypatch.chdir(finished.copy(tmp_path / "project").folder)
    predictions = study().paths.predictions
    for broken, whole in (("facts", "recall"), ("recall", "facts")):
        metrics = study().paths.cell(broken, "hyena", 2) / "metrics.json"
        kept = metrics.read_bytes()
        metrics.unlink()
        if broken == "facts":
            predictions.unlink()  # as where the other variant's data have never been there
        assert incomplete.report(study(), []) == [broken]
        assert set(pd.read_parquet(predictions)["variant"]) == {whole}
        assert predictions.stat().st_mtime == incomplete.LONG_AGO
        metrics.write_bytes(kept)


def test_what_a_report_of_a_part_that_failed_has_left_is_made_again(finished, tmp_path, monkeypatch):
    project = finished.copy(tmp_path / "project")
    monkeypatch.chdir(project.folder)
    metrics = study().paths.cell("facts", "hyena", 2) / "metrics.json"
    kept = metrics.read_bytes()
    metrics.unlink()

    def fails(*_: object) -> str:
        raise KeyError("accounts")

    monkeypatch.setattr(incomplete, "render", fails)
    with pytest.raises(KeyError):
        incomplete.report(study(), [])
    tables = list(study().paths.tables.iterdir())
    assert tables
    assert all(incomplete.dated_back(path) for path in tables)
    metrics.write_bytes(kept)
    assert records.strangers(study()) is None
    assert project.planned()["table"] > 5


def test_every_table_stands_after_those_that_it_is_made_of():
    made = registry.collect(study(analyses={"scores": {}, "knockout": {}}))
    names = incomplete.in_order(made)
    assert sorted(names) == sorted(made.tables)
    assert names.index("verdicts") < names.index("leaderboard")  # which merely wants them
    for name in names:
        earlier = [each for each in made.of(made.tables[name]) if each in made.tables]
        assert set(earlier) <= set(names[: names.index(name)])


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
