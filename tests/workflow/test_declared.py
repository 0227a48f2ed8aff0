"""A study is all that it consists of: rules declare what their scripts read, and whatever is deleted is made again."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
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


def test_a_study_is_every_file_that_its_rules_leave(done):
    """So whichever is deleted, as a sentence about damage asks for, is made again."""
    environment = os.environ | {"PYTHONPATH": str(done.folder / "workflow")}
    command = [sys.executable, str(ROOT / "tests/workflow/planned.py")]
    said = subprocess.run(command, cwd=done.folder, env=environment, capture_output=True, text=True, check=True).stderr
    listed = json.loads(said.splitlines()[-1])
    left = [path for part in ("results", "reports") for path in (done.folder / part).rglob("*") if path.is_file()]
    left = {str(path.relative_to(done.folder)) for path in left if not {"logs", "mlartifacts"} & set(path.parts)}
    assert set(listed) == left


def damage_all(folder: Path) -> None:
    """Cut off every artefact but MLflow's database, unseen by Snakemake, and delete the latest, so that others are
    read: tables, what evaluation and analyses found, choices, the page."""
    for path in [path for part in ("results/mini", "reports/mini") for path in (folder / part).rglob("*.*")]:
        if path.is_file() and not {"logs", "mlartifacts"} & set(path.parts):
            before = path.stat()
            path.write_bytes(path.read_bytes()[: before.st_size // 2])
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for late in (
        "tables",
        "analyses",
        "cells/*/*/*/metrics.json",
        "trials/*/*/choice.json",
        "../../reports/mini/*.html",
    ):
        for path in (folder / "results/mini").glob(late):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_whoever_follows_the_advice_has_a_finished_study_in_the_end(done, project):
    """Everything is damaged, and nothing is known but what is said: delete what is named, and run the same again."""
    results = project.folder / "results/mini"
    damage_all(project.folder)
    for _ in range(12):
        output = project.run("--keep-going", ok=None)
        advised = set(re.findall(r"(\S+) is damaged \(.*?\); delete it and run the same command again", output))
        if not advised:
            break
        for path in advised:
            (project.folder / path).unlink(missing_ok=True)
    assert project.planned() == {}
    weights = sorted((done.folder / "results/mini/cells").rglob("model.safetensors"))
    for path in weights:
        assert (results / path.relative_to(done.folder / "results/mini")).read_bytes() == path.read_bytes()


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
    assert "(and 5 more) was made with other settings (training.steps was 8, the study has 9), and Snakemake" in output
    (advised,) = re.findall(r"; delete (.*) and run the same command again", output)
    assert advised == "reports/mini results/mini/cells results/mini/tables results/mini/trials"
    for folder in advised.split():
        shutil.rmtree(project.folder / folder)
    planned = project.planned()
    assert (planned["trial"], planned["train"], planned["page"]) == (8, 2, 1)
