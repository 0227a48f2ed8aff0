"""The commands, as a person types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import EVERYTHING, ROOT, study
from lolameme.data.dataset import Builder

LOLAMEME = Path(sys.executable).parent / "lolameme"


def lolameme(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([LOLAMEME, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, check=False)


def test_interpret_answers_and_explains(tmp_path):
    Builder(study(variants={"v": EVERYTHING}), "v").write_world(tmp_path)
    world = json.loads((tmp_path / "world.json").read_text())
    known = next(c for c in world["concepts"] if c["value"] is not None)
    name = world["stems"][known["stem"]] + world["heads"][known["head"]].title()
    done = lolameme("interpret", f"{name} -> ", "--world", tmp_path / "world.json")
    assert done.stdout == f"{name}: {known['value']:02d}\n  {name} is {known['value']:02d}: a global\n"
    done = lolameme("interpret", f"{name} = 03; {name} -> ", "--world", tmp_path / "world.json")
    assert f"bound by `{name} = 03`, not the global {known['value']:02d}" in done.stdout
    done = lolameme("interpret", "what is this", "--world", tmp_path / "world.json")
    assert done.returncode == 1
    assert "cannot read 'what is this' in any of the languages lola, meme, kiki" in done.stderr


def test_where_names_a_cell_and_hints_at_a_misspelt_one():
    done = lolameme("where", "--cell", "in_context", "hyena", 1)
    assert done.stdout == "results/quick/cells/in_context/hyena/seed1/metrics.json\n"
    done = lolameme("where", "--cell", "in_contxt", "hyena", 1)
    assert "no variant 'in_contxt' (did you mean 'in_context'?) in config.yaml; there are: in_context, " in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("path", ["config.yaml", "studies/paper.yaml"])
def test_check_says_what_a_study_would_run(path):
    done = lolameme("check", path)
    assert f"{path} is a valid study" in done.stdout


def test_check_refuses_in_one_line(tmp_path):
    (tmp_path / "bad.yaml").write_text("study: x\nseeds: [1]\nvariants: 3\n")
    done = lolameme("check", tmp_path / "bad.yaml")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_check_finds_programs_that_are_too_long_for_the_model(tmp_path):
    data = yaml.safe_load((ROOT / "studies/gpu.yaml").read_text())
    data["model"]["length"] = 128
    (tmp_path / "gpu.yaml").write_text(yaml.safe_dump(data))
    done = lolameme("check", tmp_path / "gpu.yaml")
    assert "split longer has a program of" in done.stderr
    assert "but model.length is 128; set model.length to" in done.stderr


def test_warn_names_what_cannot_see_far_enough():
    done = lolameme("warn")
    assert "in_context: thex-1: not expected above 0." in done.stdout
    assert "memorize" not in done.stdout


def test_a_study_may_be_named_by_its_file_or_by_its_name():
    by_name, by_file = lolameme("where", "paper"), lolameme("where", "studies/paper.yaml")
    assert by_name.stdout == by_file.stdout
    assert "reports/paper/index.html" in by_name.stdout
    done = lolameme("where", "papr")
    assert "no file and no study 'papr' (did you mean 'paper'?); studies: quick, " in done.stderr
    assert done.returncode == 2


def test_without_a_command_the_next_step_is_said():
    done = lolameme()
    assert done.returncode == 0
    assert "To begin: make study" in done.stdout
    assert "compare" in done.stdout


def test_the_makefile_does_what_it_says():
    said = subprocess.run(["make", "--dry-run", "mlflow", "PORT=5001"], capture_output=True, text=True, cwd=ROOT).stdout
    assert "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false .venv/bin/mlflow server --host 127.0.0.1 --port 5001" in said
    said = subprocess.run(["make", "--dry-run", "unlock"], capture_output=True, text=True, cwd=ROOT).stdout
    assert "snakemake --cores all --configfile config.yaml --unlock" in said
