"""A run is known by the weights and metrics of its cell: these decide whether it stays, others only add to it."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from conftest import study, study_data
from lolameme.base.files import write_frame, write_json, write_sealed
from lolameme.base.interruption import REQUESTS
from lolameme.learning.trainer import Progress
from lolameme.reporting.tables import cells
from lolameme.runtime import live, progress
from lolameme.tracking import runs, store
from lolameme.tracking.links import addresses
from lolameme.tracking.runs import _SETTINGS, Tracker


@pytest.fixture
def here(database) -> str:
    """The address of an empty database, in a project's folder."""
    return f"sqlite:///{database}"


def made(seeds: list[int], weights: str = "digest"):
    """A study of one variant and architecture, with its cells as their jobs leave them, without weights."""
    small = study(seeds=seeds, architectures=["gpt2"], variants={"recall": study().variants["recall"].model_dump()})
    for identity, folder in cells(small):
        folder.mkdir(parents=True, exist_ok=True)
        facts = dict.fromkeys(_SETTINGS, 1) | identity | {"mixers": ["attention"], "train_seconds": 5.0, "data": "d"}
        facts["weights"] = weights
        write_json(
            folder / "model.json",
            facts | {"world": 1, "code": {"sources": "s", "commit": None}, "asked": small.asked("recall", "gpt2")},
        )
        scores = {"exact_match": 0.5, "token_accuracy": 0.5, "loss": 1.0}
        cost = {"train_seconds": 5.0, "processor_seconds": 5.0, "peak_memory_bytes": 1, "steps": 8}
        write_json(folder / "metrics.json", identity | {"splits": {"test": scores}, "cost": cost})
        row = {"step": 8, "split": "valid", "seconds": 5.0, "learning_rate": 0.1, "tokens_per_second": 9.0} | scores
        write_frame(folder / "history.parquet", pd.DataFrame([row | {"other_loss": None}]))
        data = small.paths.data("recall", 1)
        write_json(data / "dataset.json", {"content": "c" * 64, "splits": {"train": {"programs": 1, "longest": 9}}})
    return small


def leaderboard(small) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "variant": "recall", "architecture": "gpt2", "split": "test", "exact_match": 0.5, "low": 0.4,
                "high": 0.6, "seeds": len(small.seeds), "processor_seconds": 5.0, "tokens_per_second": 9.0,
            }
        ]
    )  # fmt: skip


def track(uri: str, small) -> dict:
    return Tracker(small, uri, cells(small)).track(leaderboard(small), {"figures": sorted(Path().glob("*.svg"))})


def states(uri: str) -> dict[str, str]:
    client = MlflowClient(uri)
    runs = client.search_runs([client.get_experiment_by_name("mini/recall").experiment_id])
    return {run.info.run_name: run.data.tags["state"] for run in runs}


def test_what_is_added_later_joins_the_run_that_is_there(here, monkeypatch):
    first = track(here, made([1, 2]))
    write_sealed("curve.svg", "<svg/>")
    facts = Path("results/mini/cells/recall/gpt2/seed1/model.json")
    again = made([1, 2])
    facts.write_text(facts.read_text())
    second = track(here, again)
    assert second == first
    monkeypatch.setattr(runs, "require_whole", lambda path: pytest.fail(f"{path} is held already"))
    assert track(here, again) == first
    held = MlflowClient(here).list_artifacts(first["study"]["run_id"], "figures")
    assert [file.path for file in held] == ["figures/curve.svg"]


def test_what_an_analysis_measured_is_held_by_the_run_of_its_cell(here):
    small = made([1]).model_copy(update={"analyses": study(analyses={"scores": {}}).analyses})
    measured = small.paths.analysis("scores", "recall", "gpt2", 1)
    write_frame(measured, pd.DataFrame([{"answers": 2}]))
    track(here, small)
    client = MlflowClient(here)
    (run,) = client.search_runs(
        [client.get_experiment_by_name("mini/recall").experiment_id], "attributes.run_name = 'gpt2 seed1'"
    )
    (held,) = client.list_artifacts(run.info.run_id, "analyses/scores")
    assert held.path == "analyses/scores/seed1.parquet"
    assert Path(run.info.artifact_uri, held.path).read_bytes() == measured.read_bytes()


def test_runs_and_artefacts_that_were_deleted_come_back(here):
    first = track(here, made([1, 2]))
    client = MlflowClient(here)
    one, other = (client.get_run(first["cells"][f"recall/gpt2/seed{seed}"]["run_id"]) for seed in (1, 2))
    files = sorted(path.name for path in Path(one.info.artifact_uri).iterdir())
    assert files
    shutil.rmtree(one.info.artifact_uri)
    client.delete_run(other.info.run_id)
    again = track(here, made([1, 2]))
    assert again["cells"]["recall/gpt2/seed1"] == first["cells"]["recall/gpt2/seed1"]
    assert sorted(path.name for path in Path(one.info.artifact_uri).iterdir()) == files
    assert again["cells"]["recall/gpt2/seed2"] != first["cells"]["recall/gpt2/seed2"]
    assert states(here) == {"gpt2 seed1": "current", "gpt2 seed2": "current"}


def test_a_cell_with_other_weights_gets_a_new_run_and_the_old_one_is_kept(here):
    first = track(here, made([1]))
    second = track(here, made([1], "another"))
    assert first["cells"] != second["cells"]
    assert states(here) == {"gpt2 seed1": "current", "gpt2 seed1 (superseded)": "superseded"}
    assert track(here, made([1]))["cells"] == first["cells"]  # the old weights are back, and so is their run
    assert sorted(states(here).values()) == ["current", "superseded"]


def test_runs_of_seeds_that_a_study_drops_are_marked_until_it_takes_them_back(here):
    track(here, made([1, 2]))
    track(here, made([1]))
    dropped = "dropped from the study"
    assert states(here) == {"gpt2 seed1": "current", f"gpt2 seed2 ({dropped})": dropped}
    track(here, made([1, 2]))
    assert states(here) == {"gpt2 seed1": "current", "gpt2 seed2": "current"}


def test_a_run_that_a_killed_process_began_goes(here):
    tracked = track(here, made([1]))["cells"]["recall/gpt2/seed1"]
    client = MlflowClient(here)
    tags = client.get_run(tracked["run_id"]).data.tags
    begun = client.create_run(tracked["experiment_id"], tags={k: v for k, v in tags.items() if "mlflow." not in k})
    client.log_text(begun.info.run_id, "half", "half.txt")
    left = Path(begun.info.artifact_uri).parent
    assert left.exists()
    assert track(here, made([1]))["cells"]["recall/gpt2/seed1"] == tracked
    assert client.get_run(begun.info.run_id).info.lifecycle_stage == "deleted"
    assert not left.exists()
    assert left.parent.exists()


def test_the_report_finds_every_cell_every_mean_and_the_comparison_of_a_variant(here):
    links = addresses(track(here, made([1, 2])), "http://127.0.0.1:5000")
    assert set(links) == {
        "cell:recall/gpt2/seed1", "cell:recall/gpt2/seed2", "mean:recall/gpt2", "compare:recall", "table:recall",
    }  # fmt: skip
    assert links["table:recall"].endswith("/runs?workflowType=machine_learning&viewStateShareKey=exact_match")
    tags = MlflowClient(here).get_experiment_by_name("mini/recall").tags
    assert "metrics.`test.exact_match`" in json.loads(tags["mlflow.sharedViewState.exact_match"])["selectedColumns"]
    assert links["compare:recall"].startswith("http://127.0.0.1:5000/#/compare-runs?runs=%5B%22")


def test_trials_are_runs_of_a_sweep_with_their_curves_and_the_choice(here, monkeypatch):
    small, folder = made([1]), Path("results/mini/trials/recall/gpt2")
    tried = [
        {"trial": f"lr{rate}-wd0.1", "learning_rate": rate, "weight_decay": 0.1, "steps": 8} for rate in (0.1, 0.2)
    ]
    ends = [{"exact_match": 0.5, "loss": 1.0, "diverged": None}, {"exact_match": None, "loss": None, "diverged": "NaN"}]
    for trial, end, curve in zip(tried, ends, ([(4, 0.2), (8, 0.5)], []), strict=True):
        points = [{"step": step, "exact_match": em, "loss": 1.0} for step, em in curve]
        write_json(folder / f"{trial['trial']}.json", trial | end | {"curve": points})
    found = {
        "chosen": "lr0.1-wd0.1",
        "why": "inside the grid",
        "trials": [t | e for t, e in zip(tried, ends, strict=True)],
    }
    write_json(folder / "choice.json", found)
    board, looked_up, look_up = leaderboard(small), Counter(), MlflowClient.get_experiment_by_name

    def counted(client, name):
        looked_up[name] += 1
        return look_up(client, name)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "get_experiment_by_name", counted)
        Tracker(small, here, cells(small)).track(board, {}, [folder / "choice.json"])
    assert looked_up == {"mini": 1, "mini/recall": 1, "mini/learning rates": 1}
    client = MlflowClient(here)
    experiment = client.get_experiment_by_name("mini/learning rates").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    Tracker(small, here, cells(small)).track(board, {}, [folder / "choice.json"])  # adds nothing
    assert {run.info.run_id for run in client.search_runs([experiment])} == {run.info.run_id for run in runs.values()}
    assert set(runs) == {"gpt2 on recall", "lr0.1-wd0.1", "lr0.2-wd0.1"}
    above = runs["gpt2 on recall"]
    assert "lr0.1-wd0.1 is chosen (inside the grid)" in above.data.tags["mlflow.note.content"]
    assert {run.data.tags.get("mlflow.parentRunId") for run in runs.values()} == {None, above.info.run_id}
    history = client.get_metric_history(runs["lr0.1-wd0.1"].info.run_id, "valid.exact_match")
    assert [(point.step, point.value) for point in history] == [(4, 0.2), (8, 0.5)]
    assert runs["lr0.2-wd0.1"].info.status == "FAILED"


def test_a_trial_that_diverged_is_over_and_its_next_training_a_run_of_its_own(here):
    lost = {"learning_rate": 0.1, "weight_decay": 0.1, "steps": 8, "exact_match": None, "loss": None, "diverged": "NaN"}
    with store.opened(here) as client:
        tracker = Tracker(study(), here, [])
        tracker.use(client)
        failed = tracker.point("recall/gpt2/lr0.1-wd0.1", "", "lr0.1-wd0.1", lost, {})
        experiment, identity = tracker.sweeps("recall/gpt2/lr0.1-wd0.1")
        assert tracker.open(experiment, identity, "gpt2 lr0.1-wd0.1", {}) != failed
        assert client.get_run(failed).info.status == "FAILED"


def moved(study, cell: str, step: int) -> None:
    """A cell's progress file, as training leaves it."""
    progress.Reporter(cell, study.paths.progress, lambda line: None)(Progress(step, 8, 2.0, step / 10, 100.0, 1.0))


def test_a_run_grows_while_its_cell_trains_and_the_final_one_takes_its_place(here):
    small = made([1])
    (folder,) = [folder for _, folder in cells(small)]
    metrics = (folder / "metrics.json").read_bytes()
    (folder / "metrics.json").unlink()
    progress.start(small.paths.progress, {"recall/gpt2/seed1": 8, "recall/gpt2/lr0.1-wd0.1": 8})
    watching = live.Live(small, here)
    moved(small, "recall/gpt2/lr0.1-wd0.1", 2)
    for step in (0, 4):
        moved(small, "recall/gpt2/seed1", step)
        watching.look()
    client = MlflowClient(here)
    experiment = client.get_experiment_by_name("mini/recall").experiment_id
    (run,) = client.search_runs([experiment])
    assert run.info.status == "RUNNING"
    history = client.get_metric_history(run.info.run_id, "valid.exact_match")
    assert [(point.step, point.value) for point in history] == [(0, 0.0), (4, 0.4)]
    assert client.get_experiment_by_name("mini/learning rates")
    watching.end()  # the study was stopped
    assert client.get_run(run.info.run_id).info.status == "KILLED"

    again = live.Live(small, here)
    moved(small, "recall/gpt2/seed1", 6)
    again.look()
    assert [found.info.run_id for found in client.search_runs([experiment])] == [run.info.run_id]
    (folder / "metrics.json").write_bytes(metrics)
    again.look()
    (final,) = client.search_runs([experiment])
    assert (final.info.status, final.data.metrics["test.exact_match"]) == ("FINISHED", 0.5)
    assert track(here, small)["cells"]["recall/gpt2/seed1"]["run_id"] == final.info.run_id


def test_metrics_of_a_training_before_are_not_shown_as_those_of_this_one(here):
    small = made([1])
    (folder,) = [folder for _, folder in cells(small)]
    facts = (folder / "model.json").read_bytes()
    (folder / "model.json").write_bytes(facts)  # trained again, not yet evaluated
    progress.start(small.paths.progress, {})
    assert live.Live(small, here).finished() == []


def test_a_locked_database_costs_a_line_and_no_more(here, monkeypatch):
    small = made([1])
    progress.start(small.paths.progress, {})
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    watching = live.Live(small, here)
    with closing(sqlite3.connect("results/mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = live.attempt(watching.look, "")
        assert "is locked by another process" in said
    assert live.attempt(watching.look, said) == said  # no further line
    assert states(here) == {"gpt2 seed1": "current"}


def test_the_process_beside_a_study_ends_with_it_alone(here):
    """No request to end, which means the study, ends it; nor does a file in the project's folder that is no module."""
    Path("random.py").write_text("raise SystemExit('this is no module')")
    script = (
        "import json, os, pathlib, sys; from lolameme.runtime import live;"
        "live.start(json.loads(sys.argv[1]), sys.argv[2], pathlib.Path('live.log'));"
        "print(pathlib.Path(f'/proc/self/task/{os.getpid()}/children').read_text(), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-P", "-c", script, json.dumps(study_data()), here]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        child = Path("/proc", starter.stdout.readline().strip())
        assert soon(lambda: not alive(child) or ignored(child) >= set(REQUESTS))
        assert alive(child), Path("live.log").read_text()
        starter.stdin.close()
    assert soon(lambda: not alive(child))
    assert Path("live.log").read_text() == ""


def soon(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true within minutes: MLflow takes its time to load."""
    end = time.monotonic() + 300
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def alive(process: Path) -> bool:
    """Whether a process, given by its folder in /proc, runs."""
    return process.exists() and "State:\tZ" not in (process / "status").read_text()


def ignored(process: Path) -> set[int]:
    """The signals that a process ignores."""
    mask = int(re.search(r"^SigIgn:\t(\w+)$", (process / "status").read_text(), re.M)[1], 16)
    return {signal for signal in range(1, 65) if mask >> (signal - 1) & 1}


def test_addresses_are_known_without_mlflow():
    """Loading it takes seconds; `lolameme where` prints addresses alone."""
    code = "import sys; from lolameme.tracking import links; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
