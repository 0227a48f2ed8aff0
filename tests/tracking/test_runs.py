"""A run is known by the weights and metrics of its cell: these decide whether it stays, others only add to it."""

from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from conftest import study
from lolameme.base.files import Damaged, digest, write_frame, write_json, write_sealed
from lolameme.reporting.tables import cells
from lolameme.tracking.links import addresses
from lolameme.tracking.runs import _SETTINGS, Tracker


@pytest.fixture
def here(database) -> str:
    """The address of an empty database, in a project's folder."""
    return f"sqlite:///{database}"


def made(seeds: list[int], weights: bytes = b"weights"):
    """A study of one variant and architecture, with its cells as training and evaluation leave them."""
    small = study(seeds=seeds, architectures=["gpt2"], variants={"recall": study().variants["recall"].model_dump()})
    for identity, folder in cells(small):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").write_bytes(weights)
        facts = dict.fromkeys(_SETTINGS, 1) | identity | {"mixers": ["attention"], "train_seconds": 5.0, "data": "d"}
        facts["weights"] = digest(folder / "model.safetensors")
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


def track(uri: str, small) -> dict:
    leaderboard = pd.DataFrame(
        [
            {
                "variant": "recall", "architecture": "gpt2", "split": "test", "exact_match": 0.5, "low": 0.4,
                "high": 0.6, "seeds": len(small.seeds), "processor_seconds": 5.0, "tokens_per_second": 9.0,
            }
        ]
    )  # fmt: skip
    return Tracker(small, uri, cells(small)).track(leaderboard, {"figures": sorted(Path().glob("*.svg"))})


def states(uri: str) -> dict[str, str]:
    client = MlflowClient(uri)
    runs = client.search_runs([client.get_experiment_by_name("mini/recall").experiment_id])
    return {run.info.run_name: run.data.tags["state"] for run in runs}


def test_what_is_added_later_joins_the_run_that_is_there(here):
    first = track(here, made([1, 2]))
    write_sealed("curve.svg", "<svg/>")
    facts = Path("results/mini/cells/recall/gpt2/seed1/model.json")
    again = made([1, 2])
    facts.write_text(facts.read_text())
    second = track(here, again)
    assert second == first
    held = MlflowClient(here).list_artifacts(first["study"]["run_id"], "figures")
    assert [file.path for file in held] == ["figures/curve.svg"]


def test_a_cell_with_other_weights_gets_a_new_run_and_the_old_one_is_kept(here):
    first = track(here, made([1]))
    second = track(here, made([1], b"others"))
    assert first["cells"] != second["cells"]
    assert states(here) == {"gpt2 seed1": "current", "gpt2 seed1 (superseded)": "superseded"}
    assert track(here, made([1]))["cells"] == first["cells"]  # the old weights are back, and so is their run
    assert sorted(states(here).values()) == ["current", "superseded"]


def test_weights_that_are_not_those_of_the_cell_are_not_tracked(here):
    small = made([1])
    Path("results/mini/cells/recall/gpt2/seed1/model.safetensors").write_bytes(b"damaged")
    with pytest.raises(Damaged, match=r"model\.safetensors is damaged \(it is not what model\.json says\); delete it"):
        track(here, small)


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
    assert (
        "searchFilter=tags.state+%3D+%22current%22&orderByKey=metrics.%60test.exact_match%60" in links["table:recall"]
    )
    assert links["compare:recall"].startswith("http://127.0.0.1:5000/#/compare-runs?runs=%5B%22")
