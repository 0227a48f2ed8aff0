"""A real Slurm, the literal command, and what happens on clusters; drills end with the bits of a calm training."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from slurm import NODES, Slurm, missing

from conftest import study_data
from project import SNAKEMAKE, Project

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"NO CLUSTER TEST: {missing()}")
COMMAND = (str(SNAKEMAKE), "--cores", "all", "--profile", "slurm")
CELL = "results/mini/cells/recall/gpt2/seed1"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory) -> Iterator[Slurm]:
    with Slurm(tmp_path_factory.mktemp("slurm") / "cluster") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Project:
    """A study of one long cell, trained without Slurm."""
    data = study_data(
        architectures=["gpt2"], seeds=[1], training={"steps": 6000, "batch": 16, "evaluate_every": 1000}, tuning=None
    )
    data["variants"] = {"recall": data["variants"]["recall"]}
    project = Project(tmp_path_factory.mktemp("reference"), data)
    project.run(f"{CELL}/metrics.json")
    return project


class Run:
    """A study on the cluster: its data are made, its cell is not."""

    def __init__(self, folder: Path, slurm: Slurm, model: bytes):
        self.folder, self.slurm, self.model = folder, slurm, model
        self.processes: list[subprocess.Popen] = []

    def start(self, *options: str) -> subprocess.Popen:
        with open(self.folder / "output.log", "ab") as log:
            command = (*COMMAND, *options, "--", f"{CELL}/metrics.json")
            self.processes.append(
                subprocess.Popen(
                    command, cwd=self.folder, env=self.slurm.environment, stdout=log, stderr=log, start_new_session=True
                )
            )
        return self.processes[-1]

    def training(self) -> dict[str, str]:
        """The job that trains, once it does: it has written a line of progress."""
        end = time.monotonic() + 300
        while time.monotonic() < end:
            rows = self.slurm.run("squeue", "-h", "-t", "RUNNING", "-o", "%i|%N|%k").splitlines()
            running = [dict(zip(("JobID", "NodeList", "Comment"), row.split("|"), strict=True)) for row in rows]
            running = [job for job in running if job["Comment"].startswith("rule_train")]
            if running and (self.folder / "results/mini/logs/progress/recall--gpt2--seed1.json").exists():
                return running[-1]
            time.sleep(0.5)
        raise AssertionError(self.output)

    def ends_well(self, process: subprocess.Popen) -> None:
        assert process.wait(600) == 0, self.output
        assert (self.folder / CELL / "model.safetensors").read_bytes() == self.model
        assert not (self.folder / CELL / "checkpoint.safetensors").exists()

    @property
    def output(self) -> str:
        return (self.folder / "output.log").read_text()


@pytest.fixture
def run(slurm, reference, tmp_path) -> Iterator[Run]:
    shutil.copytree(reference.folder, tmp_path / "project", symlinks=True)
    model = (reference.folder / CELL / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "project/results/mini/cells")
    shutil.rmtree(tmp_path / "project/results/mini/logs")
    made = Run(tmp_path / "project", slurm, model)
    yield made
    for process in made.processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    slurm.run("scancel", "--user=root")


def test_a_study_from_data_to_report_by_the_literal_command(slurm, tmp_path):
    """With a cell that always fails: all others finish, none in its pack is lost, and the end says what to do."""
    project = Project(tmp_path, study_data(architectures=["gpt2", "hyena"], tuning=None))
    profile = yaml.safe_load((tmp_path / "slurm/config.yaml").read_text())
    profile |= {"set-resources": ["train:gpu=1"], "retries": 1}  # the GPUs here are pretended: none for torch
    (tmp_path / "slurm/config.yaml").write_text(yaml.safe_dump(profile))
    broken = tmp_path / CELL / "checkpoint.safetensors"
    broken.mkdir(parents=True)  # a folder where a file belongs
    before = len(slurm.jobs())
    done = subprocess.run(COMMAND, cwd=tmp_path, env=slurm.environment, capture_output=True, text=True)
    output = done.stdout + done.stderr
    assert done.returncode, output
    finished = list((tmp_path / "results/mini/cells").rglob("metrics.json"))
    assert len(finished) == 7, output
    assert re.search(
        r"1 failed; .*\n  train \S+recall/gpt2/seed1/\S+\n    .*there is a folder where a file belongs; move it away",
        output,
    )
    assert "Traceback" not in output
    assert not (tmp_path / "results/mini/mlflow.json").exists()  # nothing is tracked before all cells are there
    broken.rmdir()
    done = subprocess.run(COMMAND, cwd=tmp_path, env=slurm.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "reports/mini/index.html").exists()
    jobs = slurm.jobs()[before:]
    assert {"rule_track", "rule_page"}.isdisjoint(job["Comment"] for job in jobs)  # MLflow is written in one place
    trainings = [job for job in jobs if job["Comment"] == "rule_train"]
    assert all("gres/gpu=1" in job["AllocTRES"] for job in trainings)
    assert len(trainings) < 8  # cells share allocations
    (tmp_path / "local").mkdir()
    local = Project(tmp_path / "local", study_data(architectures=["gpt2", "hyena"], tuning=None))
    local.run(f"{CELL}/model.safetensors")
    assert (tmp_path / CELL / "model.safetensors").read_bytes() == (
        local.folder / CELL / "model.safetensors"
    ).read_bytes()
    assert project.planned() == {}


def test_the_controller_is_killed_and_comes_back(run):
    process = run.start()
    run.training()
    run.slurm.kill("slurmctld")
    time.sleep(8)
    run.slurm.start_controller()
    run.ends_well(process)


def test_a_node_goes_down_under_a_running_job(run):
    process = run.start()
    job = run.training()
    run.slurm.kill_node(job["NodeList"])
    try:
        run.ends_well(process)
    finally:
        run.slurm.start_node(job["NodeList"])
    run.slurm.await_state(job["JobID"], "NODE_FAIL", "REQUEUED")


def test_a_job_at_its_time_limit_continues_from_its_checkpoint(run):
    process = run.start()
    job = run.training()["JobID"]
    run.slurm.run("scontrol", "update", f"JobId={job}", "TimeLimit=1")
    # the limit is looked at twice a minute: hold the training until it is met
    pids = [int(row.split()[0]) for row in run.slurm.run("scontrol", "listpids", job).splitlines()[1:]]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    run.slurm.await_state(job, "TIMEOUT", seconds=180)
    run.ends_well(process)
    assert "TIMEOUT" in run.output


def test_a_preempted_job_is_requeued_and_continues(run):
    process = run.start()
    job = run.training()["JobID"]
    run.slurm.run("sbatch", "-p", "urgent", f"-N{len(NODES)}", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 3")
    run.ends_well(process)
    run.slurm.await_state(job, "PREEMPTED", "REQUEUED")


def test_snakemake_is_killed_and_started_again(run):
    process = run.start()
    orphan = run.training()["JobID"]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run([*COMMAND, "--unlock"], cwd=run.folder, env=run.slurm.environment, check=True, capture_output=True)
    run.ends_well(run.start())
    assert f"Cancelling what an earlier run left on Slurm: {orphan}" in run.output
    run.slurm.await_state(orphan, "CANCELLED")
