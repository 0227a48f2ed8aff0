"""What nobody wants and everybody gets: kills, full disks, no memory, many writers. Nothing is lost, all is said."""

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from conftest import ROOT, study_data
from lolameme.base.files import read_json, read_table
from project import SNAKEMAKE, Project, tracking_server

COMMAND = (str(SNAKEMAKE), "--cores", "2")
TIMES = ("seconds", "tokens_per_second", "train_seconds", "processor_seconds", "peak_memory_bytes")


def small(**changes) -> dict:
    """A study of two cells, with trials."""
    data = study_data(architectures=["gpt2", "hyena"], seeds=[1], **changes)
    data["variants"] = {"recall": data["variants"]["recall"]}
    return data


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Project:
    project = Project(tmp_path_factory.mktemp("undisturbed"), small())
    project.run()
    return project


def timeless(value):
    """A result without what a clock or a meter said, and with missing numbers that equal each other."""
    if isinstance(value, dict):
        return {key: timeless(part) for key, part in value.items() if key not in TIMES}
    if isinstance(value, list):
        return [timeless(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def content(path: Path) -> object:
    """What a result file says, without times."""
    if path.suffix == ".json" and path.name != "tokenizer.json":
        return timeless(read_json(path))
    if path.suffix == ".parquet" and path.parent.name != "data":
        return timeless(read_table(path).to_pylist())
    return path.read_bytes()


def test_killed_at_twenty_moments_the_study_ends_as_if_nothing_had_happened(done, tmp_path):
    """kill -9 of the whole process group; the remedy is the README's: unlock, and the same command again.

    The first time by Snakemake; then its locks are removed as it does, without waiting for it to plan the study.
    """
    project = Project(tmp_path, small())
    moments = random.Random(1)
    kills = 0
    for _ in range(20):
        process = subprocess.Popen(
            COMMAND, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(moments.uniform(1.0, 7.0))
        kills += process.poll() is None
        with suppress(ProcessLookupError):  # it had ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if kills <= 1:
            subprocess.run([*COMMAND, "--unlock"], cwd=tmp_path, check=True, capture_output=True)
        shutil.rmtree(tmp_path / ".snakemake/locks", ignore_errors=True)
    assert kills >= 5  # some of the later ones find nothing left to do
    project.run()
    folder = "results/mini"
    kept = [path for part in ("data", "trials", "cells") for path in sorted((done.folder / folder / part).rglob("*.*"))]
    assert len(kept) > 20
    for path in kept:
        assert content(tmp_path / path.relative_to(done.folder)) == content(path), path
    ours = {path.relative_to(tmp_path) for path in (tmp_path / "results").rglob("*") if "mlartifacts" not in path.parts}
    theirs = {p.relative_to(done.folder) for p in (done.folder / "results").rglob("*") if "mlartifacts" not in p.parts}
    assert ours == theirs  # nothing missing, and nothing left behind
    assert project.planned() == {}


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A small disk of its own, empty."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.strip()}")
    yield folder
    for _ in range(60):  # until the last process of the study, which shows runs live, has ended
        if subprocess.run(["umount", str(folder)], capture_output=True).returncode == 0:
            return
        time.sleep(0.5)
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_costs_nothing_old(done, disk, tmp_path):
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project", small())
    shutil.copytree(done.folder / "results", disk / "results", symlinks=True)
    shutil.copytree(done.folder / ".snakemake", project.folder / ".snakemake")
    (project.folder / "results").symlink_to(disk / "results")
    shutil.rmtree(disk / "results/mini/cells/recall/gpt2")
    before = {path: path.read_bytes() for path in (disk / "results").rglob("*.*") if path.is_file()}
    free = os.statvfs(disk)
    (disk / "ballast").write_bytes(bytes(free.f_bavail * free.f_bsize))
    cell = "results/mini/cells/recall/gpt2/seed1/metrics.json"
    output = project.run(cell, ok=False)
    assert "No space left on device" in output
    assert "Traceback" not in output
    after = {path: path.read_bytes() for path in before if path.exists()}
    gone = {path.relative_to(disk) for path in before if before[path] != after.get(path)}
    assert not {path for path in gone if "logs" not in path.parts}
    (disk / "ballast").unlink()
    project.run(cell)


def test_results_that_cannot_be_written_are_said(done, disk, tmp_path):
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project", small())
    shutil.copytree(done.folder / "results", disk / "results", symlinks=True)
    shutil.rmtree(disk / "results/mini/cells/recall/gpt2")
    (project.folder / "results").symlink_to(disk / "results")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    output = project.run("results/mini/cells/recall/gpt2/seed1/metrics.json", ok=False)
    assert "results cannot be written" in output
    assert "Read-only file system" in output
    assert "Traceback" not in output


def test_a_cell_without_memory_is_named_and_others_go_on(done, tmp_path):
    """The system ends the training with signal 9, as it does when memory is short."""
    data = small(training={"steps": 1000, "batch": 16, "evaluate_every": 500})
    data["tuning"] = None
    project = Project(tmp_path, data)
    targets = [f"results/mini/cells/recall/{name}/seed1/model.safetensors" for name in ("gpt2", "hyena")]
    with open(tmp_path / "output.log", "wb") as log:
        process = subprocess.Popen([*COMMAND, *targets], cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
    victim = None
    for _ in range(600):
        victim = victim or next((pid for pid in session(process.pid) if trains(pid, "gpt2", project.folder)), None)
        if victim and (tmp_path / "results/mini/logs/progress/recall--gpt2--seed1.json").exists():
            break
        time.sleep(0.1)
    assert victim, (tmp_path / "output.log").read_text()
    os.kill(victim, signal.SIGKILL)
    assert process.wait(300)
    output = (tmp_path / "output.log").read_text()
    assert "1 failed; what does not depend on them is done" in output
    assert f"train {targets[0]}\n    killed by the system (signal 9), most often for lack of memory" in output
    assert (tmp_path / targets[1]).exists()


def session(leader: int) -> list[int]:
    """The processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            found.append(int(stat.parent.name))
    return found


def trains(pid: int, architecture: str, folder: Path) -> bool:
    """Whether a process trains an architecture: it has opened that cell's log."""
    try:
        opened = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return False
    log = folder / f"results/mini/logs/train/recall/{architecture}/seed1.log"
    return str(log) in opened


TRACK = """
import sys
from pathlib import Path
from lolameme.study import config
from lolameme.reporting.tables import cells
from lolameme.base.files import read_frame
from lolameme.tracking.runs import Tracker
results, name = map(Path, sys.argv[1:])
known = config.load(results / "study.yaml")
placed = [(cell, results.parent / folder) for cell, folder in cells(known)]
study = known.model_copy(update={"study": name.name})
tracker = Tracker(study, "sqlite:///results/mlflow.db", placed)
tracker.track(read_frame(results / "mini/tables/leaderboard.parquet"), {})
"""


def test_sixteen_processes_track_into_one_database(done, tmp_path):
    """The studies of one folder share a database, which does not exist yet."""
    shutil.copy(done.folder / "config.yaml", done.folder / "results/study.yaml")
    (tmp_path / "track.py").write_text(TRACK)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    arguments = [
        sys.executable,
        str(tmp_path / "track.py"),
        str(done.folder / "results"),
    ]
    writers = [
        subprocess.Popen([*arguments, f"study-{i}"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        for i in range(16)
    ]
    said = [writer.communicate()[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 16, "\n".join(said)
    client = MlflowClient(f"sqlite:///{tmp_path}/results/mlflow.db")
    experiments = [e for e in client.search_experiments() if e.name.startswith("study-")]
    counts = {e.name: len(client.search_runs([e.experiment_id])) for e in experiments}
    assert counts == {name: n for i in range(16) for name, n in ((f"study-{i}/recall", 2), (f"study-{i}", 3))}


def test_runs_go_to_a_tracking_server_where_one_is_configured(done, tmp_path):
    project = done.copy(tmp_path / "project")
    (tmp_path / "server").mkdir()
    with tracking_server(tmp_path / "server", "sqlite:///server.db") as address:
        configuration = project.folder / "config.yaml"
        configuration.write_text(configuration.read_text() + f"tracking: {address}\n")
        for made in (project.folder / "results").glob("mlflow.db*"):
            made.unlink()
        assert project.planned() == {"track": 1, "page": 1, "all": 1}
        project.run()
        client = MlflowClient(address)
        experiment = client.get_experiment_by_name("mini/recall")
        runs = client.search_runs([experiment.experiment_id])
        assert {run.info.run_name for run in runs} == {"gpt2 seed1", "hyena seed1"}
    assert not (project.folder / "results/mlflow.db").exists()
    assert address in (project.folder / "reports/mini/mlflow.js").read_text()


def test_nothing_is_pickled():
    for path in (ROOT / "workflow").rglob("*.py"):
        text = path.read_text()
        assert not any(
            word in text for word in ("import pickle", "torch.load", "torch.save", "joblib", "allow_pickle=T")
        ), path


def test_frames_and_facts_of_the_undisturbed_study_can_be_read(done):
    """The yardstick of the other tests is itself a finished study."""
    metrics = json.loads((done.folder / "results/mini/cells/recall/gpt2/seed1/metrics.json").read_text())
    predictions = pd.read_parquet(done.folder / "results/mini/cells/recall/gpt2/seed1/predictions.parquet")
    assert metrics["splits"]["test"]["exact_match"] == predictions["exact_match"].mean()
