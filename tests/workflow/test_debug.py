"""Stepping through a job in a debugger."""

import os
import re
import subprocess
import sys

from conftest import ROOT

METRICS = "results/mini/cells/recall/hyena/seed1/metrics.json"


def python(project, *arguments):
    environment = os.environ | {"PYTHONPATH": str(project.folder / "workflow")}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_a_breakpoint_in_a_rules_script_stops_and_the_job_makes_the_same_file(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    metrics = project.folder / METRICS
    before = metrics.read_bytes()
    metrics.unlink()
    script = project.folder / "workflow/scripts/evaluate.py"
    line = script.read_text().splitlines().index("    w = snakemake.wildcards") + 1
    typed = [f"break {script}:{line}", "continue", "p snakemake.rule, snakemake.wildcards.seed", "clear 1", "continue"]
    commands = [part for command in typed for part in ("-c", command)]
    done = python(project, "-m", "pdb", *commands, "-m", "lolameme.runtime.debug", METRICS)
    assert "('evaluate', '1')" in done.stdout, done.stdout + done.stderr
    assert metrics.read_bytes() == before


def test_what_a_job_reads_must_be_there(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    card = "results/mini/data/recall/world1/card.json"
    (project.folder / card).unlink()
    done = python(project, "-m", "lolameme.runtime.debug", METRICS)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"{card} is missing; run `snakemake --cores all {card}` first"


def test_as_the_readme_types_it_a_file_of_the_project_is_no_module(tmp_path):
    (tmp_path / "random.py").write_text("raise SystemExit('this is no module')")
    (typed,) = re.findall(r"`python (.*lolameme\.runtime\.debug) FILE`", (ROOT / "README.md").read_text())
    done = subprocess.run(
        [sys.executable, *typed.replace("pdb", "pdb -c continue").split(), "--help"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert "what the job makes" in done.stdout, done.stdout + done.stderr
