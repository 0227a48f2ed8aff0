"""The commands, as a person types them."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import yaml
from packaging.requirements import Requirement

from conftest import EVERYTHING, ROOT, study, study_data
from lolameme.base.files import read_json, write_frame, write_json
from lolameme.data.dataset import Builder
from lolameme.learning.trainer import Progress
from lolameme.runtime import progress
from lolameme.study import config

LOLAMEME = Path(sys.executable).parent / "lolameme"


def lolameme(*arguments: object, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [LOLAMEME, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | environment,
        check=False,
    )


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


def test_the_example_of_interpret_is_a_program_of_the_default_study(tmp_path):
    Builder(config.load(ROOT / "config.yaml"), "in_context", 1).write_world(tmp_path)
    (example,) = re.findall(r'such as "(.*?)"', " ".join(lolameme("interpret", "--help", COLUMNS="200").stdout.split()))
    done = lolameme("interpret", f"{example} ", "--world", tmp_path / "world.json")
    assert done.stdout.startswith("toNen: 4\n"), done.stderr


def test_watch_ends_with_the_last_training(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(study_data()))
    folder = tmp_path / "results/mini/logs/progress"
    progress.start(folder, {"recall/gpt2/seed1": 8})
    progress.Reporter("recall/gpt2/seed1", folder, lambda line: None)(Progress(8, 8, 0.5, 0.5, 100.0, 1.0))
    done = lolameme("watch", folder=tmp_path)
    assert "cells 1/1" in done.stdout
    assert done.stdout.splitlines()[-1] == "All trainings are done; report: reports/mini/index.html"


def test_watch_of_an_interrupted_study_ends_with_how_to_go_on(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(study_data()))
    folder = tmp_path / "results/mini/logs/progress"
    progress.start(folder, {"recall/gpt2/seed1": 8})
    progress.Reporter("recall/gpt2/seed1", folder, lambda line: None)(Progress(4, 8, 0.5, 0.5, 100.0, 1.0))
    state = read_json(folder / "recall--gpt2--seed1.json")
    write_json(folder / "recall--gpt2--seed1.json", state | {"at": state["at"] - 3600})
    for file in folder.iterdir():
        os.utime(file, (state["at"] - 3600,) * 2)
    done = lolameme("watch", folder=tmp_path)
    assert "no training has reported for 10 minutes: study mini was interrupted" in done.stderr
    assert "`make study` goes on with it" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("damage", [None, "", "{", "[]"])
def test_watch_names_a_damaged_plan(tmp_path, damage):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(study_data()))
    plan = tmp_path / "results/mini/logs/progress/plan.json"
    progress.start(plan.parent, {"recall/gpt2/seed1": 8})
    if damage is None:
        plan.unlink()
    else:
        plan.write_text(damage)
    done = lolameme("watch", folder=tmp_path)
    assert ("study mini has not been started; run" if damage is None else "plan.json is damaged (") in done.stderr
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize("command", ["results", "told", "watch"])
def test_what_a_study_has_not_made_yet_is_said_with_the_command_that_makes_it(tmp_path, command):
    shutil.copy(ROOT / "config.yaml", tmp_path)
    shutil.copytree(ROOT / "studies", tmp_path / "studies")
    assert "run `make study`" in lolameme(command, folder=tmp_path).stderr
    for named in ("studies/cpu.yaml", "cpu"):
        assert "run `make study CONFIG=studies/cpu.yaml`" in lolameme(command, named, folder=tmp_path).stderr


def test_a_terminal_without_our_signs_shows_others():
    done = lolameme("columns", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_builds_every_stack(tmp_path):
    data = study_data()
    data["model"] |= {"layers": 200, "d_model": 65536}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(data))
    done = lolameme("check", folder=tmp_path)
    assert done.returncode == 1
    assert "architectures: gpt2 would have some 10,308,159,143,936 parameters, and no machine holds" in done.stderr


def test_check_trains_no_tokenizer_but_knows_its_alphabet(tmp_path):
    data = study_data()
    data["variants"]["recall"]["tokenizer"] = {"vocabulary": 16}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(data))
    said = lolameme("check", folder=tmp_path).stderr
    assert "variants.recall: tokenizer.vocabulary is 16, but the languages use 30 characters; it must be at" in said


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


@pytest.fixture(scope="module")
def small(finished):
    """Types a command in the folder of a finished study."""

    def typed(*arguments: object) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "lolameme.cli", *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow"), "COLUMNS": "80"}
        return subprocess.run(command, capture_output=True, text=True, cwd=finished.folder, env=environment)

    return typed


def test_a_cell_is_asked_by_its_short_name_and_with_a_prompt_of_its_test_split(small):
    done = small("ask", "mini/recall/thex-2/seed1")
    assert done.returncode == 0, done.stderr
    prompt, answer = done.stdout.split("\n")[0], done.stdout
    assert prompt.startswith("prompt: ")
    assert "interpreter: " in answer
    assert small("ask", "mini/recall/thex-2/seed1", prompt.removeprefix("prompt: ")).stdout in done.stdout
    assert small("ask", "mini/recall/thex-2/seed9").returncode == 1


def test_studies_are_compared_by_name_or_file_and_cells_by_short_name(small):
    assert "All settings are the same" in small("compare", "mini", "config.yaml").stdout
    done = small("compare", "mini/recall/gpt2/seed1", "mini/recall/thex-2/seed1").stdout
    assert "thex-2" in done
    assert "recall" in done.partition("Exact match")[2]  # no column is squeezed to nothing


@pytest.mark.parametrize(
    "command",
    [("results",), ("check",), ("told",), ("where", "--cell", "recall", "gpt2", "1"), ("compare", "mini", "mini")],
)
def test_a_terminal_of_80_columns_is_enough(small, command):
    done = small(*command)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_table_of_results_squeezes_neither_stacks_nor_numbers(small):
    rows = [line.split() for line in small("results").stdout.splitlines()]
    assert {"GPT-2", "Hyena"} <= {row[0] for row in rows if len(row) > 6 and re.fullmatch(r"[01]\.\d{3}", row[1])}


def test_a_study_says_what_it_found(small):
    text = " ".join(small("told").stdout.split())
    assert text.startswith("Of ")
    assert "Three stacks of two layers were trained on two tasks with two seeds each: twelve cells" in text


def test_the_seeds_of_the_next_look_are_added_while_a_contrast_is_undecided(tmp_path):
    (tmp_path / "results/mini/tables").mkdir(parents=True)

    def more(verdict: str, looks: str) -> subprocess.CompletedProcess:
        text = yaml.safe_dump(study_data(seeds=None, looks=None)).replace("looks: null", f"looks: {looks}")
        (tmp_path / "config.yaml").write_text(text.replace("seeds: null", "seeds: [1, 2]  # two"))
        found = pd.DataFrame({"verdict": [verdict, "same order"], "seeds": 2})
        write_frame(tmp_path / "results/mini/tables/contrasts.parquet", found)
        return lolameme("more", folder=tmp_path)

    nothing = "mini: {} of 2 contrasts undecided with 2 seeds; no more are added"
    done = more("undecided", "null")
    assert (done.returncode, done.stdout) == (3, nothing.format(1) + ", for no further look is planned\n")
    done = more("other order", "[2, 4]")
    assert (done.returncode, done.stdout) == (3, nothing.format(0) + "\n")
    done = more("undecided", "[2, 4]")
    assert (done.returncode, done.stdout) == (
        0, "mini: 1 of 2 contrasts undecided with 2 seeds; config.yaml now has 4\n"
    )  # fmt: skip
    assert "seeds: [1, 2, 3, 4]  # two" in (tmp_path / "config.yaml").read_text()
    done = lolameme("more", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "lolameme: config.yaml asks for other seeds than ran; run `make study` first\n"


def test_a_mistake_of_ours_is_a_sentence_with_its_place_and_no_traceback(tmp_path):
    """Such as a table that an older version made, with a column less."""
    (tmp_path / "results/mini/tables").mkdir(parents=True)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(study_data()))
    write_frame(tmp_path / "results/mini/tables/leaderboard.parquet", pd.DataFrame({"architecture": ["gpt2"]}))
    done = lolameme("results", folder=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(
        r"lolameme: a mistake of ours, please report it: KeyError: 'split' \(studies\.py, line \d+\)\n", done.stderr
    )


def test_a_cell_is_summed_up_beside_what_it_was_before(small, finished, tmp_path):
    path = finished.folder / "results/mini/cells/recall/gpt2/seed1/metrics.json"
    metrics = read_json(path)
    reached = metrics["splits"]["test"]["exact_match"]
    metrics["splits"]["test"]["exact_match"] = reached + 0.25
    write_json(tmp_path / "before.json", metrics)
    done = small("summary", path, "--before", tmp_path / "before.json")
    row = next(line.split() for line in done.stdout.splitlines() if line.split()[:1] == ["test"])
    assert row[1:4] == [f"{reached:.3f}", f"{reached + 0.25:.3f}", "-0.250"]
    first = small("summary", path, "--before", tmp_path / "none.json").stdout
    assert next(line.split() for line in first.splitlines() if line.split()[:1] == ["test"])[2:4] == ["-", "-"]


def test_without_a_command_the_next_step_is_said():
    done = lolameme()
    assert done.returncode == 0
    assert "To begin: make study" in done.stdout
    assert "compare" in done.stdout


def test_where_the_project_was_moved_its_environment_is_made_anew(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    ready = tmp_path / ".venv/ready"
    ready.parent.mkdir()

    def planned() -> str:
        command = ["make", "--dry-run", "study"]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True).stdout

    assert "-m venv  .venv" in planned()
    ready.write_text(f"{tmp_path}\n")
    assert "pip install" not in planned()
    ready.write_text("/elsewhere/lolameme\n")
    assert "-m venv --clear .venv" in planned()


def test_an_older_python_is_refused_in_a_sentence_before_anything_is_installed(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\nexit 1\n")  # what the question for its version ends with
    old.chmod(0o755)
    command = ["make", "--no-print-directory", "study", f"PYTHON={old}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode != 0
    assert done.stdout == f"{old} is older than Python 3.11; name another: make study PYTHON=python3.11\n"
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("system", "machine", "wanted"),
    [("linux", "x86_64", True), ("linux", "aarch64", False), ("darwin", "arm64", False), ("win32", "AMD64", False)],
)
def test_xformers_is_asked_for_where_it_has_wheels_alone(system, machine, wanted):
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (xformers,) = (Requirement(line) for line in needed if line.startswith("xformers"))
    assert xformers.marker.evaluate({"sys_platform": system, "platform_machine": machine}) == wanted


def test_where_home_cannot_be_written_to_caches_are_kept_in_the_project(tmp_path):
    """Snakemake ends with a traceback without a cache; `/proc` takes no files, not even from root."""
    command = ["make", "--directory", str(ROOT), "--eval", "kept: ; @echo $$XDG_CACHE_HOME", "kept"]
    for home, kept in (("/proc", f"{ROOT}/.cache"), (str(tmp_path), "")):
        environment = {"PATH": os.environ["PATH"], "HOME": home}
        done = subprocess.run(
            [*command, "--silent", "--no-print-directory"], env=environment, capture_output=True, text=True
        )
        assert done.stdout.strip() == kept
    environment = os.environ | {"HOME": "/proc", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    plan = [str(Path(sys.executable).parent / "snakemake"), "--dry-run", "--quiet", "all", "--cores", "1", "--", "data"]
    done = subprocess.run(plan, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_links_of_reports_follow_the_port_of_the_server(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    links = tmp_path / "reports/mini/mlflow.js"
    links.parent.mkdir(parents=True)
    links.write_text('{"a": "http://127.0.0.1:5000/#/a", "b": "http://elsewhere:5000/#/b"}')
    for port in ("5001", "5002"):
        subprocess.run(["make", "links", f"PORT={port}"], cwd=tmp_path, check=True)
        assert json.loads(links.read_text()) == {
            "a": f"http://127.0.0.1:{port}/#/a",
            "b": "http://elsewhere:5000/#/b",
        }


def test_the_makefile_does_what_it_says():
    said = subprocess.run(["make", "--dry-run", "mlflow", "PORT=5001"], capture_output=True, text=True, cwd=ROOT).stdout
    assert (
        "PYTHONSAFEPATH=1 MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false .venv/bin/mlflow server --host 127.0.0.1 --port 5001"
        in said
    )
    said = subprocess.run(["make", "--dry-run", "unlock"], capture_output=True, text=True, cwd=ROOT).stdout
    assert "snakemake --cores all --configfile config.yaml --unlock" in said
