"""The workflow for real: a miniature study from data to report, and what runs again after which change."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import yaml
from mlflow.tracking import MlflowClient

from conftest import ROOT, study, study_data
from lolameme.reporting import registry
from project import Project


@pytest.fixture(scope="module")
def done(finished) -> Project:
    """A finished study to look at."""
    return finished


@pytest.fixture
def project(done, tmp_path) -> Project:
    """A copy of the finished study for a test to change."""
    return done.copy(tmp_path / "project")


def test_the_study_leaves_every_artefact_of_the_contract(done):
    results = done.folder / "results/mini"
    for variant in ("recall", "facts"):
        for name in (
            "train.parquet",
            "valid.parquet",
            "test.parquet",
            "tokenizer.json",
            "world.json",
            "card.json",
            "card.md",
        ):
            for world in (1, 2):  # of each seed
                assert (results / "data" / variant / f"world{world}" / name).stat().st_size, name
        for architecture in ("gpt2", "hyena", "thex-2"):
            for seed in (1, 2):
                cell = results / "cells" / variant / architecture / f"seed{seed}"
                files = {"model.safetensors", "model.json", "history.parquet", "predictions.parquet", "metrics.json"}
                assert {p.name for p in cell.iterdir()} == files
    made = registry.collect(study())
    for suffix in ("parquet", "csv"):
        assert {p.stem for p in (results / "tables").glob(f"*.{suffix}")} == set(made.tables)
    for suffix in ("svg", "png", "pdf"):
        assert {p.stem for p in (done.folder / "reports/mini/figures").glob(f"*.{suffix}")} == set(made.figures)
    assert not [p for p in done.folder.rglob("*.part") if ".snakemake" not in p.parts]


def test_metrics_stand_beside_their_baselines_and_provenance(done):
    cell = done.folder / "results/mini/cells/recall/hyena/seed1"
    metrics, predictions = (
        json.loads((cell / "metrics.json").read_text()),
        pd.read_parquet(cell / "predictions.parquet"),
    )
    test = metrics["splits"]["test"]
    assert test["exact_match"] == predictions["exact_match"].mean()
    assert test["baselines"]["oracle"] == 1
    assert test["baselines"]["chance"] == 0.1
    assert metrics["mixers"] == ["hyena", "hyena"]
    assert (
        metrics["data"]
        == json.loads((done.folder / "results/mini/data/recall/world1/dataset.json").read_text())["content"]
    )
    right = predictions[predictions["exact_match"]]
    assert (right["predicted"].str.rstrip(";") == right["answer"]).all()


def test_a_third_language_needs_no_code(done):
    programs = pd.read_parquet(done.folder / "results/mini/data/facts/world1/test.parquet")
    assert programs["text"].str.fullmatch(r"[a-z]+-[a-z]+ \? \d\d\.").all()
    metrics = json.loads((done.folder / "results/mini/cells/facts/gpt2/seed1/metrics.json").read_text())
    assert metrics["splits"]["test"]["baselines"]["oracle"] == 1


def test_public_tasks_and_other_tokenizers_run_through_the_whole_study(tmp_path):
    """ListOps and MQAR, and no LoLaMeMe variant at all: so there is no framework to draw."""
    sizes = {"train": 60, "valid": 10, "test": 10}
    data = study_data(architectures=["thex-2"], seeds=[1])
    data["variants"] = {
        "listops": {"about": "lists", "task": "listops", "sizes": sizes, "splits": {"deeper": {"depth": [4, 4]}}},
        "mqar": {
            "about": "pairs",
            "task": "mqar",
            "sizes": sizes,
            "splits": {"more_pairs": {"pairs": [8, 8]}},
            "tokenizer": {"kind": "piece"},
        },
    }
    project = Project(tmp_path, data)
    project.run()
    leaderboard = pd.read_csv(tmp_path / "results/mini/tables/leaderboard.csv")
    assert set(zip(leaderboard["variant"], leaderboard["split"], strict=True)) == {
        ("listops", "test"), ("listops", "deeper"), ("mqar", "test"), ("mqar", "more_pairs"),
    }  # fmt: skip
    assert (leaderboard["oracle"] == 1).all()
    page = (tmp_path / "reports/mini/index.html").read_text()
    assert "without nesting" in page
    assert not (tmp_path / "reports/mini/figures/framework.svg").exists()
    assert project.planned() == {}


def test_progress_is_said_for_the_cell_and_for_the_study(done):
    assert re.search(
        r"recall/gpt2/seed1 +step +8/8 +loss .* EM .* tokens/s .* left \| trials \d+/24, cells \d+/12",
        (done.folder / "output.log").read_text(),
    )
    log = (done.folder / "results/mini/logs/train/recall/gpt2/seed1.log").read_text()
    assert "step     8/8" in log


def test_the_report_is_one_file_with_every_figure_and_a_run_behind_every_cell(done):
    page = (done.folder / "reports/mini/index.html").read_text()
    made = registry.collect(study())
    assert page.count("<svg") == len(made.figures)
    assert not re.findall(
        r'(?:src|href)="(?!#|data:|https://arxiv|mlflow\.js")[^"]*"', page.replace("xlink:href", "xlink")
    )
    runs = json.loads((done.folder / "results/mini/mlflow.json").read_text())["cells"]
    links = (done.folder / "reports/mini/mlflow.js").read_text()
    assert len(runs) == 12
    assert all(f'data-run="cell:{name}"' in page and run["run_id"] in links for name, run in runs.items())
    for name in made.printed:
        text = (done.folder / f"results/mini/tables/{name}.tex").read_text()
        assert text.count("\\toprule") == text.count("\\bottomrule") == 1


def test_results_and_comparisons_in_the_terminal(done):
    def lolameme(*arguments: str) -> str:
        command = [Path(sys.executable).parent / "lolameme", *arguments]
        return subprocess.run(command, cwd=done.folder, capture_output=True, text=True, check=True).stdout

    shown = lolameme("results")
    assert len(re.findall(r"^ *floor ", shown, re.M)) == 2
    leaderboard = pd.read_parquet(done.folder / "results/mini/tables/leaderboard.parquet")
    assert f"{leaderboard['exact_match'].iloc[0]:.3f}" in shown
    cell = "results/mini/cells/recall/{}/seed1"
    shown = lolameme("compare", cell.format("gpt2"), cell.format("hyena"))
    assert re.search(r"architecture +gpt2 +hyena", shown)
    assert "All settings are the same." in lolameme("compare", "mini", "mini", "--html", "side.html")
    assert "<svg" in (done.folder / "side.html").read_text()


def test_mlflow_holds_one_run_per_cell_with_metrics_params_and_tags(done, monkeypatch):
    monkeypatch.chdir(done.folder)  # artefacts are named relative to it
    client = MlflowClient(f"sqlite:///{done.folder}/results/mlflow.db")
    experiment = client.get_experiment_by_name("mini/recall")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 6  # the cells, and nothing else, so that grouping counts seeds
    run = next(r for r in runs if r.info.run_name == "thex-2 seed1")
    assert run.data.tags["position"] == "2"
    assert run.data.params["training.steps"] == "8"
    assert "model.layers" not in run.data.params  # the same in all cells
    dataset = run.inputs.dataset_inputs[0].dataset
    content = json.loads((done.folder / "results/mini/data/recall/world1/dataset.json").read_text())["content"]
    assert (dataset.name, dataset.digest) == ("recall", content[:32])
    whole = client.search_runs([client.get_experiment_by_name("mini").experiment_id])
    assert len(whole) == 2 * 3 + 1  # means of variants and architectures, and the exhibits
    parent = next(r for r in whole if r.info.run_name == "thex-2 on recall")
    leaderboard = pd.read_parquet(done.folder / "results/mini/tables/leaderboard.parquet")
    mean = leaderboard[(leaderboard["variant"] == "recall") & (leaderboard["architecture"] == "thex-2")].iloc[0]
    assert parent.data.metrics["test.exact_match"] == mean["exact_match"]
    assert parent.data.metrics["test.exact_match.high"] == mean["high"]
    shown = next(r for r in whole if r.info.run_name == "figures and tables").info.run_id
    figures = {Path(a.path).stem for a in client.list_artifacts(shown, "figures")}
    assert figures == set(registry.collect(study()).figures)
    assert [a.path for a in client.list_artifacts(shown, "data/recall")] == ["data/recall/card.md"]
    metrics = json.loads((done.folder / "results/mini/cells/recall/thex-2/seed1/metrics.json").read_text())
    assert run.data.metrics["test.exact_match"] == metrics["splits"]["test"]["exact_match"]
    assert [m.step for m in client.get_metric_history(run.info.run_id, "valid.loss")] == [0, 4, 8]
    assert {a.path for a in client.list_artifacts(run.info.run_id)} == {"metrics.json", "history.parquet", "model.json"}


def test_touching_nothing_does_nothing(done):
    assert done.planned() == {}


def test_the_scheduler_looks_for_jobs_when_one_ends_and_never_else(project):
    """Snakemake's own rate limit wakes it more often with every job, until that takes half of a study's time."""
    output = project.run("--verbose", "--forcerun", "world", "--", "data")
    ended, looked = output.count("Finished jobid"), output.count("Selected jobs: ")
    assert ended > 15
    assert looked <= ended + 2


def test_touching_a_source_without_changing_it_does_nothing(project):
    for path in (project.folder / "workflow").rglob("*.py"):
        path.touch()
    assert project.planned() == {}


def test_editing_a_mixer_trains_the_stacks_that_have_it_and_a_comment_none(project):
    """All other edits are in test_digests.py."""
    mixer = project.folder / "workflow/lolameme/models/mixers/hyena.py"
    mixer.write_text("# said in a comment\n" + mixer.read_text())
    assert project.planned() == {}
    project.edit("workflow/lolameme/models/mixers/hyena.py")
    planned = project.planned()
    assert (planned["trial"], planned["train"], planned["evaluate"]) == (16, 8, 8)  # hyena and thex-2, not gpt2
    assert not {"world", "held_out", "train_split", "card"} & set(planned)


def test_changing_a_language_makes_only_the_data_written_in_it_again(project):
    data = study_data()
    data["languages"]["kiki"]["end"] = "!"
    (project.folder / "config.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    planned = project.planned()
    assert (planned["world"], planned["train"]) == (2, 6)


def test_changing_the_training_of_a_variant_trains_only_that(project):
    data = study_data()
    data["variants"]["facts"]["training"] = {"steps": 9}
    (project.folder / "config.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    planned = project.planned()
    assert planned["train"] == 6
    assert "train_split" not in planned


def test_every_cell_is_trained_at_the_rate_that_its_trials_chose(done):
    tried = pd.read_parquet(done.folder / "results/mini/tables/tuning.parquet")
    assert len(tried) == 2 * 3 * 4
    assert (tried.groupby(["variant", "architecture"])["chosen"].sum() == 1).all()
    chosen = tried[tried["chosen"]].set_index(["variant", "architecture"])["learning_rate"]
    cells = pd.read_parquet(done.folder / "results/mini/tables/cells.parquet")
    for _, cell in cells.iterrows():
        assert cell["learning_rate"] == chosen[cell["variant"], cell["architecture"]]
    page = (done.folder / "reports/mini/index.html").read_text()
    assert "from full\ntrainings with a seed that no cell has" in page
    assert set(tried["why"]) == {"at its floor"}  # eight steps teach nothing, so nothing is chosen
    assert (tried.loc[tried["chosen"], "learning_rate"] == 5e-3).all()


def test_a_wider_grid_tries_only_what_is_new_and_trains_the_cells_again(project):
    data = study_data(tuning={"learning_rate": [0.25, 0.5, 1, 2, 4]})
    (project.folder / "config.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    planned = project.planned()
    assert (planned["trial"], planned["choose"], planned["train"]) == (6, 6, 12)


def test_without_tuning_and_matched_by_parameters(tmp_path):
    data = study_data(match="parameters", seeds=[1])
    del data["tuning"], data["variants"]["facts"]
    data["model"]["hyena"]["filter_width"] = 48  # so that Hyena has the more parameters
    project = Project(tmp_path, data)
    assert not {"trial", "choose"} & set(project.planned())
    project.run()
    cells = pd.read_parquet(tmp_path / "results/mini/tables/cells.parquet").set_index("architecture")
    assert cells.loc["hyena", "d_model"] < cells.loc["gpt2", "d_model"] == 16
    page = (tmp_path / "reports/mini/index.html").read_text()
    assert "widths that give all as many parameters as GPT-2" in page
    assert "Learning rates were not tuned: all stacks share one per task." in page


def test_one_cell_is_made_again_alone_and_keeps_its_run_as_its_weights_are_the_same(project):
    target = "results/mini/cells/recall/thex-2/seed2/metrics.json"
    before = json.loads((project.folder / "results/mini/mlflow.json").read_text())
    kept = (project.folder / target).read_bytes()
    shutil.rmtree((project.folder / target).parent)
    assert project.planned(target) == {"train": 1, "evaluate": 1}
    project.run(target)
    again, was = (json.loads(text) for text in ((project.folder / target).read_bytes(), kept))
    assert again["splits"] == was["splits"]  # the same seed gives the same results
    project.run()
    after = json.loads((project.folder / "results/mini/mlflow.json").read_text())
    assert after["cells"] == before["cells"]
    client = MlflowClient(f"sqlite:///{project.folder}/results/mlflow.db")
    experiment = client.get_experiment_by_name("mini/recall")
    assert len(client.search_runs([experiment.experiment_id])) == 6


def test_a_cell_outside_the_study_can_be_made_too(project):
    target = "results/mini/cells/facts/xeht-1+2/seed9/metrics.json"
    data = {"world": 1, "held_out": 2, "train_split": 1, "card": 1}  # of a world of its own; trials have that of seed 1
    assert project.planned(target) == data | {"trial": 4, "choose": 1, "train": 1, "evaluate": 1}
    project.run(target)
    metrics = json.loads((project.folder / target).read_text())
    assert (metrics["mixers"], metrics["seed"]) == (["hyena", "hyena"], 9)
    assert project.planned() == {}


@pytest.mark.parametrize("victim", ["data/recall/world1/train.parquet", "trials/recall/gpt2/choice.json"])
def test_a_damaged_file_stops_the_job_that_reads_it_with_the_remedy(project, victim):
    path = project.folder / "results/mini" / victim
    damaged = bytearray(path.read_bytes())
    for place in range(0, len(damaged) // 2, 50):
        damaged[place] ^= 4
    modified = path.stat()
    path.write_bytes(damaged)
    os.utime(path, ns=(modified.st_atime_ns, modified.st_mtime_ns))  # as a disk would: unseen by Snakemake
    cell = project.folder / "results/mini/cells/recall/gpt2/seed1"
    shutil.rmtree(cell)
    output = project.run("results/mini/cells/recall/gpt2/seed1/metrics.json", ok=False)
    assert re.search(rf"train \{{.*\}}: results/mini/{re.escape(victim)} is damaged \(.*\); delete it and run", output)
    assert "Traceback" not in output
    path.unlink()
    project.run("results/mini/cells/recall/gpt2/seed1/metrics.json")


def test_tracking_twice_and_making_the_database_again_lose_no_run(project):
    """Also not those of other studies, nor where the job fails: Snakemake deletes the outputs of most jobs."""
    tracked, database = project.folder / "results/mini/mlflow.json", project.folder / "results/mlflow.db"
    before = tracked.read_bytes()
    client = MlflowClient(f"sqlite:///{database}")
    other = client.create_run(client.create_experiment("of another study")).info.run_id

    def kept() -> bool:  # a client would go on to read a file that was deleted
        with closing(sqlite3.connect(database)) as connection:
            return bool(connection.execute("SELECT 1 FROM runs WHERE run_uuid = ?", [other]).fetchall())

    script = project.folder / "workflow/scripts/database.py"
    whole = script.read_text()
    script.write_text(whole.replace("pass", "raise RuntimeError('this fails')"))
    assert "this fails" in project.run("--forcerun", "database", "--", "results/mlflow.db", ok=False)
    assert kept()
    script.write_text(whole)
    project.run("--forcerun", "database", "track")
    assert tracked.read_bytes() == before
    assert kept()


def test_mlflow_can_be_made_again_from_the_results(project):
    (project.folder / "results/mlflow.db").unlink()
    assert project.planned() == {"database": 1, "track": 1, "all": 1}
    project.run()
    client = MlflowClient(f"sqlite:///{project.folder}/results/mlflow.db")
    assert len(client.search_runs([client.get_experiment_by_name("mini/recall").experiment_id])) == 6


def test_a_target_that_an_option_swallows_is_found(done):
    metrics = "results/mini/cells/recall/gpt2/seed1/metrics.json"
    output = done.run("--dry-run", "--configfile", "config.yaml", metrics, ok=False)
    assert "is given as a second configuration, and a study is one file; if it is what to make, write --" in output
    assert done.planned("--configfile", "config.yaml", "--", metrics) == {}


@pytest.mark.parametrize("option", ["--forcerun", "--until", "--omit-from"])
@pytest.mark.parametrize("target", ["results/mini/cells/recall/gpt2/seed1/metrics.json", "data", "nothing/there"])
def test_what_an_option_takes_for_a_value_of_its_own_is_named_with_the_remedy(done, option, target):
    said = done.run("--dry-run", option, "train", target, ok=False)
    assert f"{option} takes all that follows it, also {target}; if that is what to make, write --" in said
    assert f"snakemake {option} train -- {target};" in said
    assert "Traceback" not in said


def test_values_of_an_option_that_are_all_meant_are_no_targets(done):
    assert done.planned("--forcerun", "track", "page") == {"track": 1, "page": 1, "all": 1}
    assert done.planned("--forcerun", "page", "data", "--", "all") == {"page": 1, "data": 1, "all": 1}


def test_a_study_goes_on_where_its_progress_cannot_be_kept(project):
    folder = project.folder / "results/mini/logs/progress"
    shutil.rmtree(folder)
    folder.write_text("a file in its place")
    cell = project.folder / "results/mini/cells/recall/gpt2/seed1"
    shutil.rmtree(cell)
    output = project.run("results/mini/cells/recall/gpt2/seed1/metrics.json")
    assert (
        "progress cannot be shown: results/mini/logs/progress cannot be used: there is a file where a folder" in output
    )
    assert (cell / "metrics.json").exists()


def test_a_mistake_stops_before_the_first_job_in_one_sentence(tmp_path):
    project = Project(tmp_path, study_data() | {"trainning": {"steps": 5}})
    output = project.run(ok=False)
    assert "config.yaml: unknown key 'trainning' (did you mean 'training'?)" in output
    assert "Traceback" not in output
    assert not (tmp_path / "results").exists()


def shown(folder: Path, variant: str) -> dict[str, float]:
    """Exact match of the finished runs of a variant in MLflow."""
    client = MlflowClient(f"sqlite:///{folder}/results/mlflow.db")
    experiment = client.get_experiment_by_name(f"mini/{variant}")
    runs = client.search_runs([experiment.experiment_id], "status = 'FINISHED'") if experiment else []
    return {run.info.run_name: run.data.metrics["test.exact_match"] for run in runs}


def test_a_variant_that_cannot_succeed_says_why_and_the_others_are_reported(tmp_path):
    data = study_data(architectures=["gpt2"], seeds=[1], tuning=None)
    recall = data["variants"]["recall"]  # four different programs, where 20 are to validate on
    recall["world"], recall["program"] = {"modulus": 2, "stems": 1, "heads": 2}, {"assignments": [1, 1]}
    project = Project(tmp_path, data)
    output = project.run(ok=False)
    assert re.search(
        r"held_out \{'variant': 'recall'.*\}: variants\.recall: split valid: almost no program can be", output
    )
    assert "1 failed; what does not depend on them is done:" in output
    assert "A report without recall: reports/mini/index.html" in output
    assert "Traceback" not in output
    metrics = json.loads((tmp_path / "results/mini/cells/facts/gpt2/seed1/metrics.json").read_text())
    for _ in range(1200):  # the process that shows cells, of lowest priority, looks once more when Snakemake has ended
        if shown(tmp_path, "facts"):
            break
        time.sleep(0.25)
    assert shown(tmp_path, "facts") == {"gpt2 seed1": metrics["splits"]["test"]["exact_match"]}
    assert shown(tmp_path, "recall") == {}
    assert (tmp_path / "results/mini/logs/live.log").read_text() == ""
    page = (tmp_path / "reports/mini/index.html").read_text()
    assert "<b>Not the whole study:</b> recall is missing, because jobs failed." in page
    assert "cell:facts/gpt2/seed1" in page
    mended = study_data(architectures=["gpt2"], seeds=[1], tuning=None)
    del mended["variants"]["recall"]
    mended["contrasts"] = []
    for name, repaired in (("as it was", data), ("without recall", mended)):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(repaired, sort_keys=False))
        plan = project.planned()
        assert plan["page"] == plan["predict"] == 1, name
        assert plan["table"] > 5, name
        assert "train" not in plan or name == "as it was"


def test_another_workflow_can_import_this_one_as_a_module(tmp_path):
    (tmp_path / "lolameme").mkdir()
    Project(tmp_path / "lolameme", study_data(tuning=None))
    (tmp_path / "Snakefile").write_text(
        "import yaml\n"
        "module study:\n"
        "    snakefile: 'lolameme/Snakefile'\n"
        "    config: yaml.safe_load(open('lolameme/config.yaml'))\n"
        "use rule * from study as study_*\n"
    )
    project = Project.at(tmp_path)
    assert project.planned()["study_train"] == 12
    metrics = "results/mini/cells/recall/gpt2/seed1/metrics.json"
    project.run(metrics)
    assert json.loads((tmp_path / metrics).read_text())["architecture"] == "gpt2"


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_conda_environments_have_the_versions_of_the_constraints(name):
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().lower().splitlines())
    packages = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())["dependencies"][-1]["pip"]
    assert dict(package.split("==") for package in packages).items() <= pins.items()
    assert {"snakemake", "torch", "pandas", "pyyaml", "mlflow", "seaborn", "xformers", "pyarrow"} <= {
        package.split("==")[0] for package in packages
    }


def test_the_slurm_profile_plans_as_typed(tmp_path):
    project = Project(tmp_path, study_data())
    planned = project.planned("--cores", "all", "--profile", "slurm")
    assert planned["train"] == 12


@pytest.mark.parametrize(
    ("squeue", "sentence"),
    [
        (
            None,
            "there is no Slurm here (no command squeue); run this where jobs are submitted, or without the profile",
        ),
        (
            "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1",
            "Slurm does not answer: slurm_load_jobs error: Unable to contact slurm controller; once it does, the same",
        ),
    ],
)
def test_where_slurm_is_not_the_profile_says_so(tmp_path, monkeypatch, squeue, sentence):
    """The controller's words are those of Slurm 23.11. The path holds nothing else, whatever this machine has."""
    for folder in ("project", "bin"):
        (tmp_path / folder).mkdir()
    project = Project(tmp_path / "project", study_data(tuning=None))
    if squeue:
        (tmp_path / "bin/squeue").write_text(f"#!/bin/sh\n{squeue}\n")
        (tmp_path / "bin/squeue").chmod(0o755)
    for name in ("bash", "which"):  # what Snakemake itself looks for
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    output = project.run("--cores", "all", "--profile", "slurm", ok=False)
    assert sentence in output
    assert "Traceback" not in output


def test_the_provenance_report_is_made(done):
    done.run("--report", "provenance.html")
    assert (done.folder / "provenance.html").stat().st_size > 100_000


def test_snakemakes_linter_finds_nothing(done):
    assert "Congratulations" in done.run("--lint")
