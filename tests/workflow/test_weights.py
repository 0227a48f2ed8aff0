"""A study that keeps the weights of some seeds: those of others go once all that reads them is done, nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import study_data
from lolameme.base.files import read_json
from lolameme.reporting import incomplete, published
from lolameme.study import config
from project import Project

KEPT, GONE = "results/mini/cells/recall/hyena/seed1", "results/mini/cells/recall/hyena/seed2"
WEIGHTS = {"model.safetensors", "snapshots.safetensors"}
REST = {"model.json", "history.parquet", "metrics.json", "predictions.parquet"}


def given(**changes) -> dict:
    """A study of eight cells, with snapshots and an analysis that reads these."""
    data = study_data(architectures=["gpt2", "hyena"], weights=[1], analyses={"scores": None, "emergence": None})
    data["training"] = data["training"] | {"snapshots": [4]}
    del data["tuning"]
    return data | changes


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Project:
    """The study, run to its end."""
    project = Project(tmp_path_factory.mktemp("project"), given())
    project.run()
    return project


@pytest.fixture
def project(done, tmp_path) -> Project:
    """A copy of the finished study for a test to change."""
    return done.copy(tmp_path / "project")


def reconfigure(project: Project, **changes) -> None:
    (project.folder / "config.yaml").write_text(yaml.safe_dump(given(**changes), sort_keys=False))


def lolameme(project: Project, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(project.folder / "workflow")}
    command = [sys.executable, "-m", "lolameme.cli", *arguments]
    return subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True)


def test_weights_stay_for_the_seeds_that_are_named_and_all_else_for_every_seed(done):
    cells = [path for path in (done.folder / "results/mini/cells").glob("*/*/*") if path.is_dir()]
    assert len(cells) == 8
    for cell in cells:
        assert {path.name for path in cell.iterdir()} == REST | (WEIGHTS if cell.name == "seed1" else set())
    assert len(list((done.folder / "results/mini/analyses").glob("*/*/*/*.parquet"))) == 2 * 8


def test_a_finished_study_has_nothing_to_do_also_without_snakemakes_records(project):
    assert project.planned() == {}
    shutil.rmtree(project.folder / ".snakemake")
    assert project.planned() == {}


def test_what_is_made_of_results_trains_nothing(project):
    runs = read_json(project.folder / "results/mini/mlflow.json")
    project.edit("workflow/lolameme/reporting/curves.py")
    for lost in ("results/mini/tables/cells.parquet", "results/mini/tables/scores.parquet", "reports/mini/index.html"):
        (project.folder / lost).unlink()
    planned = project.planned()
    assert {"table", "pool", "figure", "page", "track"} <= set(planned)
    assert not {"train", "train_passing", "evaluate", "analyse"} & set(planned)
    project.run()
    assert read_json(project.folder / "results/mini/mlflow.json") == runs  # a run is known by weights that are gone
    assert project.planned() == {}


def test_what_reads_weights_trains_the_cells_that_have_none(project):
    (project.folder / GONE / "metrics.json").unlink()
    planned = project.planned()
    assert (planned["train_passing"], planned["evaluate"]) == (1, 1)
    assert "train" not in planned
    reconfigure(project, analyses={"scores": None, "emergence": None, "knockout": None})
    planned = project.planned()
    assert (planned["train_passing"], planned["analyse"]) == (4, 8 + 2 * 4)  # a cell trained again is measured again
    assert "train" not in planned


def test_other_seeds_may_keep_their_weights_later(project):
    planned = {weights: None for weights in ((1, 2), (), None)}
    for weights in planned:
        reconfigure(project, weights=None if weights is None else list(weights))
        planned[weights] = project.planned()
    assert planned[1, 2]["train"] == planned[None]["train"] == 4
    assert planned[()] == {"page": 1, "all": 1}  # which says how the study is configured


def test_whoever_asks_is_told_where_weights_are(project):
    assert "interpreter:" in lolameme(project, "ask", KEPT).stdout
    for command in ("ask", "explain"):
        said = lolameme(project, command, GONE).stderr
        assert said.strip() == (
            f"lolameme: the weights of {GONE} were not kept; add seed 2 to `weights` in the configuration of its study "
            "and run make cell VARIANT=recall ARCHITECTURE=hyena SEED=2 CONFIG=that file"
        )
    again = ("--notemp", "--forcerun", f"{GONE}/model.json", "--", f"{GONE}/metrics.json")  # as `make cell` does
    project.run(*again)
    planned = project.planned()
    assert not {"train", "train_passing"} & set(planned)
    assert planned["analyse"] == 2
    reconfigure(project, weights=[1, 2])
    project.run(*again)
    assert "interpreter:" in lolameme(project, "ask", GONE).stdout


def test_studies_are_published_compared_and_reported_in_part_without_weights(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    made = config.parse(given())
    folder = published.publish(made, Path("config.yaml"), Path("published"))
    assert len(list(folder.glob("cells/*/*/*/model.json"))) == 8
    assert lolameme(project, "compare", str(folder), "mini").returncode == 0
    (made.paths.cell("facts", "gpt2", 2) / "metrics.json").unlink()
    assert incomplete.report(made, []) == ["facts"]
