"""MLflow: a view on the result files that can be rebuilt at any time.

An experiment per variant, in it a run per architecture with the mean over its seeds, and below each a run per cell.
Tracking is idempotent. A run carries a digest of what it shows; a cell whose files have not changed keeps its run, a
cell trained again gets a new run in place of the old one.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, ViewType
from mlflow.tracking import MlflowClient

from lolameme.base.files import digest, read_frame, read_json
from lolameme.base.provenance import flatten
from lolameme.study import architectures, config
from lolameme.study.paths import data_of

_FILES = ("metrics.json", "history.parquet", "model.json")
_SETTINGS = (
    "architecture",
    "seed",
    "match",
    "model",
    "training",
    "parameters",
    "flops_per_token",
    "vocabulary",
    "device",
    "precision",
    "attention",
    "threads",
)
_ALWAYS = ("architecture", "seed", "training.learning_rate", "training.steps", "model.d_model", "parameters")
_SQLITE = "sqlite:///"
_CELL, _CONTENT, _PARENT = "lolameme.cell", "lolameme.content", "mlflow.parentRunId"


@contextmanager
def alone(uri: str) -> Iterator[None]:
    """Wait until no other process tracks into the SQLite database of `uri`; a tracking server needs no turns.

    The lock is on the folder, so that it leaves no file behind, and ends with the process.
    """
    if not uri.startswith(_SQLITE):
        yield
        return
    folder = Path(uri.removeprefix(_SQLITE)).parent
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class Tracker:
    """Writes the cells of one study to an MLflow tracking store."""

    def __init__(self, study: config.Study, uri: str, artifacts: Path, cells: list[tuple[dict[str, Any], Path]]):
        self.study, self.cells, self.uri = study, cells, uri
        self.artifacts = artifacts if uri.startswith(_SQLITE) else None  # a server keeps artefacts where it likes
        facts = {folder: read_json(folder / "model.json") for _, folder in cells}
        shown = {folder: flatten({key: one[key] for key in _SETTINGS}) for folder, one in facts.items()}
        differing = {key for one in shown.values() for key in one if len({str(o.get(key)) for o in shown.values()}) > 1}
        kept = differing | set(_ALWAYS)
        self.settings = {f: {key: one[key] for key in sorted(kept & set(one))} for f, one in shown.items()}

    def track(self, board: pd.DataFrame, figures: list[Path]) -> dict[str, Any]:
        """Show all cells, their architectures and the figures; returns the experiment and run ids of each.

        Processes that track into one SQLite database take turns.
        """
        with alone(self.uri):
            self.client = MlflowClient(tracking_uri=self.uri)  # makes the database where there is none
            return self._track(board, figures)

    def _track(self, board: pd.DataFrame, figures: list[Path]) -> dict[str, Any]:
        made: dict[str, dict[str, Any]] = {"cells": {}, "architectures": {}}
        for variant in self.study.variants:
            experiment = self.experiment(variant, self.study.variants[variant].about)
            for architecture in self.study.stacks:
                name, ids = f"{variant}/{architecture}", {"experiment_id": experiment}
                rows = board[(board["variant"] == variant) & (board["architecture"] == architecture)]
                cells = {
                    cell["seed"]: folder
                    for cell, folder in self.cells
                    if (cell["variant"], cell["architecture"]) == (variant, architecture)
                }
                card = data_of(cells[self.study.seeds[0]], self.study.world_seeds[0]) / "card.md"
                parent = self.summary(experiment, name, rows, card)
                made["architectures"][name] = ids | {"run_id": parent}
                for seed, folder in cells.items():
                    run = self.cell(experiment, f"{name}/seed{seed}", folder)
                    self.client.set_tag(run, _PARENT, parent)
                    made["cells"][f"{name}/seed{seed}"] = ids | {"run_id": run}
        return made | {"figures": self.figures(figures)}

    def experiment(self, variant: str, about: str) -> str:
        """The id of the experiment `<study>/<variant>`, made where it does not exist."""
        name = f"{self.study.study}/{variant}"
        found = self.client.get_experiment_by_name(name)
        if found is None:
            location = self.artifacts and (self.artifacts / self.study.study / variant).resolve().as_uri()
            identifier = self.client.create_experiment(name, artifact_location=location)
        else:
            identifier = found.experiment_id
            if found.lifecycle_stage == "deleted":
                self.client.restore_experiment(identifier)
        self.client.set_experiment_tag(identifier, "mlflow.note.content", about)
        # MLflow's pages then show metrics and charts first, not traces of language model calls
        self.client.set_experiment_tag(identifier, "mlflow.experimentKind", "custom_model_development")
        return identifier

    def current(self, experiment: str, identity: str, content: str) -> str | None:
        """The finished run that shows just this content, if any; every other run of the same identity is deleted."""
        runs = self.client.search_runs(
            [experiment],
            f"tags.`{_CELL}` = '{identity}'",
            ViewType.ACTIVE_ONLY,
            order_by=["attributes.start_time DESC"],
        )
        kept = None
        for run in runs:
            if kept is None and run.info.status == "FINISHED" and run.data.tags.get(_CONTENT) == content:
                kept = run.info.run_id
            else:
                self.client.delete_run(run.info.run_id)
        return kept

    def cell(self, experiment: str, name: str, folder: Path) -> str:
        """The run of a cell, written where there is none that shows its files."""
        settings, identity = self.settings[folder], f"{self.study.study}/{name}"
        content = fingerprint(digest(*(folder / file for file in _FILES)), settings)
        run = self.current(experiment, identity, content)
        if run is not None:
            return run
        facts, metrics = read_json(folder / "model.json"), read_json(folder / "metrics.json")
        tags = self.tags(identity, content, facts["architecture"]) | {
            "variant": facts["variant"],
            "seed": str(facts["seed"]),
            "data": facts["data"],
            "code": facts["code"]["sources"],
            "commit": str(facts["code"]["commit"]),
            "lolameme.files": str(folder),
            "mlflow.note.content": f"{facts['architecture']} ({', '.join(facts['mixers'])}) on {facts['variant']}",
        }
        run_name = f"{facts['architecture']} seed{facts['seed']}"
        ended = round((folder / "model.json").stat().st_mtime * 1000)  # so that MLflow's duration is that of training
        begun = ended - round(facts["train_seconds"] * 1000)
        run = self.client.create_run(experiment, begun, tags, run_name).info.run_id
        self.client.log_batch(run, params=[Param(key, str(value)) for key, value in settings.items()])
        self.client.log_inputs(run, datasets=inputs(data_of(folder, facts["world"]), facts["variant"]))
        logged = per_step(read_frame(folder / "history.parquet")) + final(metrics)
        for start in range(0, len(logged), 1000):
            self.client.log_batch(run, metrics=logged[start : start + 1000])
        for file in _FILES:
            self.client.log_artifact(run, str(folder / file))
        self.client.set_terminated(run, "FINISHED", ended)
        return run

    def summary(self, experiment: str, name: str, rows: pd.DataFrame, card: Path) -> str:
        """The run of an architecture on a variant: means over its seeds, with intervals, and a card of its data."""
        architecture, identity = rows["architecture"].iloc[0], f"{self.study.study}/{name}"
        values = {}
        for _, row in rows.iterrows():
            for key in ("exact_match", "low", "high"):
                values[f"{row['split']}.exact_match" + ("" if key == "exact_match" else f".{key}")] = float(row[key])
        values |= {key: float(rows[key].iloc[0]) for key in ("train_seconds", "tokens_per_second")}
        content = fingerprint(digest(card), values)
        run = self.current(experiment, identity, content)
        if run is not None:
            return run
        seeds = int(rows["seeds"].iloc[0])
        tags = self.tags(identity, content, architecture) | {
            "variant": rows["variant"].iloc[0],
            "seed": "all",
            "mlflow.note.content": f"{architecture}: means over {seeds} seeds; low and high: 95 % t interval",
        }
        run = self.client.create_run(experiment, run_name=f"{architecture} (mean)", tags=tags).info.run_id
        self.client.log_batch(
            run,
            params=[Param("architecture", architecture), Param("seeds", str(seeds))],
            metrics=[Metric(key, value, 0, 0) for key, value in values.items()],
        )
        self.client.log_artifact(run, str(card))
        self.client.set_terminated(run, "FINISHED")
        return run

    def figures(self, figures: list[Path]) -> dict[str, str]:
        """One run that holds the figures of the whole study."""
        experiment = self.experiment("figures", "The figures of the study")
        identity, content = f"{self.study.study}/figures", digest(*figures)
        run = self.current(experiment, identity, content)
        if run is None:
            tags = {_CELL: identity, _CONTENT: content}
            run = self.client.create_run(experiment, run_name="figures", tags=tags).info.run_id
            for figure in figures:
                self.client.log_artifact(run, str(figure))
            self.client.set_terminated(run, "FINISHED")
        return {"experiment_id": experiment, "run_id": run}

    def tags(self, identity: str, content: str, architecture: str) -> dict[str, str]:
        """What cells and architectures can be filtered by."""
        return {
            _CELL: identity,
            _CONTENT: content,
            "study": self.study.study,
            "architecture": architecture,
            "family": architectures.family(architecture),
            "position": "+".join(map(str, architectures.positions(architecture))) or "none",
        }


def fingerprint(files: str, values: dict[str, Any]) -> str:
    """A digest of a digest of files and of what is shown beside them."""
    return hashlib.sha256((files + json.dumps(values, sort_keys=True, default=str)).encode()).hexdigest()


def inputs(data: Path, variant: str) -> list[DatasetInput]:
    """The data of a cell as MLflow shows data sets: a digest, where they lie, and how much there is."""
    dataset = read_json(data / "dataset.json")
    profile = {name: {key: split[key] for key in ("programs", "longest")} for name, split in dataset["splits"].items()}
    source = json.dumps({"uri": data.resolve().as_uri()})
    shown = Dataset(variant, dataset["content"][:32], "local", source, profile=json.dumps(profile))
    return [DatasetInput(shown, [InputTag("mlflow.data.context", "training")])]


def per_step(history: pd.DataFrame) -> list[Metric]:
    """The training history as metrics with steps, e.g. `valid.exact_match`."""
    columns = ("loss", "exact_match", "token_accuracy", "other_loss")
    metrics = []
    for row in history.to_dict("records"):
        at, split = round(row["seconds"] * 1000), row["split"].replace(" ", "_")
        shown = {f"{split}.{column}": row[column] for column in columns}
        if split == "valid":
            shown |= {key: row[key] for key in ("learning_rate", "tokens_per_second")}
        metrics += [Metric(key, value, at, int(row["step"])) for key, value in shown.items() if pd.notna(value)]
    return metrics


def final(metrics: dict[str, Any]) -> list[Metric]:
    """Final exact match per test split and the cost of the cell."""
    cost = metrics["cost"]
    values = {key: cost[key] for key in ("train_seconds", "peak_memory_bytes")}
    for split, result in metrics["splits"].items():
        values |= {f"{split}.{key}": result[key] for key in ("exact_match", "token_accuracy", "loss")}
    at = round(cost["train_seconds"] * 1000)
    return [Metric(key, value, at, cost["steps"]) for key, value in values.items()]
