"""A study is all that it consists of: rules declare what their scripts read, and whatever is deleted is made again."""

import base64
import json
import os
import shutil
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, study_data
from project import Project

MADE_AGAIN = {  # of what is deleted, the rules that must run
    "results/mlflow.db": {"database"},
    "results/mini/mlflow.json": {"track"},
    "results/mini/cells/recall/gpt2/seed1": {"train", "evaluate"},
    "results/mini/cells/recall/hyena/seed1/predictions.parquet": {"evaluate"},
    "results/mini/cells/recall/hyena/seed1/model.safetensors": {"train", "evaluate"},
    "results/mini/cells/recall/hyena/seed1/snapshots.safetensors": {"train", "analyse"},
    "results/mini/trials/recall/gpt2/choice.json": {"choose", "train"},
    "results/mini/data/recall/world1/train.parquet": {"train_split", "train"},
    "results/mini/data/recall/world1/card.md": {"card"},
    "results/mini/data/recall/world1/tokenizer.json": {"world", "held_out", "train"},
    "results/mini/tables/leaderboard.csv": {"table"},
    "results/mini/tables/leaderboard.tex": {"latex"},
    "reports/mini/figures/stacks.pdf": {"figure"},
    "reports/mini/index.html": {"page"},
    "results/mini": {"world", "train", "evaluate", "table", "figure", "track", "page"},
}


def small() -> dict:
    """A study of two cells, with trials, snapshots and two analyses, one of which reads these."""
    data = study_data(architectures=["gpt2", "hyena"], seeds=[1], analyses={"knockout": None, "emergence": None})
    data["training"] = data["training"] | {"snapshots": [4]}
    data["variants"] = {"recall": data["variants"]["recall"]}
    return data


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Project:
    """A miniature study, run to its end under the eyes of an audit."""
    project = Project(tmp_path_factory.mktemp("project"), small())
    project.audited = tmp_path_factory.mktemp("audited")
    paths = os.pathsep.join([str(ROOT / "tests/workflow/audit"), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", paths)
        patch.setenv("AUDITED", str(project.audited))
        project.run()
    return project


@pytest.fixture
def project(done, tmp_path) -> Project:
    """A copy of the finished study for a test to change."""
    shutil.copytree(done.folder, tmp_path / "project", symlinks=True)
    copy = object.__new__(Project)
    copy.folder = tmp_path / "project"
    return copy


def declared(folder: Path) -> dict[str, tuple[set[str], set[str]]]:
    """By the log of each job that ran: what its rule says that it reads, and what it writes; as Snakemake noted."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for record in (folder / ".snakemake/metadata").rglob("*"):
        if record.is_file():
            facts = json.loads(record.read_text())
            output = base64.b64decode(record.name).decode()
            for log in facts["log"] or ():
                reads, writes = found.setdefault(log, (set(), set()))
                reads.update(facts["input"])
                writes.add(output)
    return found


def test_a_script_reads_only_what_its_rule_declares(done):
    rules, undeclared, seen = declared(done.folder), {}, set()
    for process in done.audited.iterdir():
        lines = [line.split(" ", 1) for line in process.read_text().splitlines()]
        logs = {path for kind, path in lines if kind == "written"} & set(rules)
        if not logs:  # Snakemake itself, or the warm process
            continue
        (log,) = logs
        reads, writes = rules[log]
        found = {path for kind, path in lines if kind == "read"} - reads - writes - {log}
        found = {path for path in found if "/logs/progress/" not in path and "checkpoint" not in path}
        if found:
            undeclared[log] = found
        seen.add(log)
    assert not undeclared
    assert seen == set(rules)


def test_a_finished_study_has_nothing_to_do(done):
    assert done.planned() == {}


@pytest.fixture(scope="module")
def planned(done) -> dict[str, dict[str, int]]:
    """What would run without each of some files or folders of the study."""
    return dict(zip(MADE_AGAIN, done.planned_without(*MADE_AGAIN), strict=True))


@pytest.mark.parametrize("gone", MADE_AGAIN)
def test_what_is_deleted_is_made_again(planned, gone):
    assert MADE_AGAIN[gone] <= set(planned[gone])


def test_without_snakemakes_records_other_settings_do_not_go_unnoticed(project):
    """As in a copy without `.snakemake`: nothing else tells that cells were trained for 8 steps."""
    data = small()
    data["training"]["steps"] = 9
    (project.folder / "config.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    assert project.planned()["train"] == 2  # with them, Snakemake knows
    shutil.rmtree(project.folder / ".snakemake")
    output = project.run("--dry-run", ok=False)
    assert "recall/gpt2/seed1 was trained with other settings (training.steps was 8, the study has 9)" in output
    assert "delete results/mini/cells/recall/gpt2/seed1 and run the same command again" in output
    shutil.rmtree(project.folder / "results/mini/cells")
    assert project.planned()["train"] == 2
