"""MLflow: a view on the result files, one run per cell, that can be rebuilt at any time.

Tracking is idempotent. A run carries a digest of the files it shows; a cell whose files have not changed keeps its
run, a cell trained again gets a new run in place of the old one.
"""

import os
from pathlib import Path
from typing import Any

import pandas as pd

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.tracking import MlflowClient

from lolameme import config
from lolameme.files import digest, read_json
from lolameme.models import architectures

_FILES = ("metrics.json", "history.parquet", "model.json")
_SETTINGS = (
    "architecture",
    "seed",
    "mixers",
    "match",
    "model",
    "training",
    "parameters",
    "flops_per_token",
    "vocabulary",
    "max_length",
    "device",
    "precision",
    "attention",
    "threads",
)
_CELL, _CONTENT = "lolameme.cell", "lolameme.content"


class Tracker:
    """Writes the cells of one study to an MLflow tracking store."""

    def __init__(self, study: config.Study, uri: str, artifacts: Path):
        self.study, self.artifacts = study, artifacts
        self.client = MlflowClient(tracking_uri=uri)

    def experiment(self, variant: str, about: str) -> str:
        """The id of the experiment `<study>/<variant>`, made where it does not exist."""
        name = f"{self.study.study}/{variant}"
        found = self.client.get_experiment_by_name(name)
        if found is None:
            location = (self.artifacts / self.study.study / variant).resolve().as_uri()
            identifier = self.client.create_experiment(name, artifact_location=location)
        else:
            identifier = found.experiment_id
            if found.lifecycle_stage == "deleted":
                self.client.restore_experiment(identifier)
        self.client.set_experiment_tag(identifier, "mlflow.note.content", about)
        # MLflow's pages then show metrics and charts first, not traces of language model calls
        self.client.set_experiment_tag(identifier, "mlflow.experimentKind", "custom_model_development")
        return identifier

    def track(self, cell: dict[str, Any], folder: Path) -> dict[str, str]:
        """Show one cell; returns its experiment and run ids."""
        experiment = self.experiment(cell["variant"], self.study.variants[cell["variant"]].about)
        name = f"{cell['architecture']} seed{cell['seed']}"
        identity = f"{self.study.study}/{cell['variant']}/{cell['architecture']}/seed{cell['seed']}"
        content = digest(*(folder / file for file in _FILES))
        run = self.current(experiment, identity, content)
        if run is None:
            run = self.write(experiment, name, {_CELL: identity, _CONTENT: content}, folder)
        return {"experiment_id": experiment, "run_id": run}

    def current(self, experiment: str, identity: str, content: str) -> str | None:
        """The finished run that shows just this content, if any; every other run of the cell is deleted."""
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

    def write(self, experiment: str, name: str, tags: dict[str, str], folder: Path) -> str:
        facts, metrics = read_json(folder / "model.json"), read_json(folder / "metrics.json")
        history = pd.read_parquet(folder / "history.parquet")
        tags = tags | {
            "study": self.study.study,
            "variant": facts["variant"],
            "architecture": facts["architecture"],
            "family": architectures.family(facts["architecture"]),
            "position": "+".join(map(str, architectures.positions(facts["architecture"]))) or "none",
            "seed": str(facts["seed"]),
            "data": facts["data"],
            "code": facts["code"]["sources"],
            "commit": str(facts["code"]["commit"]),
            "mlflow.note.content": f"{facts['architecture']} ({', '.join(facts['mixers'])}) on {facts['variant']}",
        }
        run = self.client.create_run(experiment, run_name=name, tags=tags).info.run_id
        settings = flatten({key: facts[key] for key in _SETTINGS})
        self.client.log_batch(run, params=[Param(key, str(value)) for key, value in settings.items()])
        self.client.log_batch(run, tags=[RunTag("lolameme.files", str(folder))])
        logged = per_step(history) + final(metrics)
        for start in range(0, len(logged), 1000):
            self.client.log_batch(run, metrics=logged[start : start + 1000])
        for file in _FILES:
            self.client.log_artifact(run, str(folder / file))
        self.client.set_terminated(run, "FINISHED")
        return run

    def track_figures(self, figures: list[Path]) -> dict[str, str]:
        """One run that holds the figures of the whole study."""
        experiment = self.experiment("figures", "The figures of the study")
        identity, content = f"{self.study.study}/figures", digest(*figures)
        run = self.current(experiment, identity, content)
        if run is None:
            run = self.client.create_run(
                experiment, run_name="figures", tags={_CELL: identity, _CONTENT: content}
            ).info.run_id
            for figure in figures:
                self.client.log_artifact(run, str(figure))
            self.client.set_terminated(run, "FINISHED")
        return {"experiment_id": experiment, "run_id": run}


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


def flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        flat |= flatten(entry, f"{prefix}{key}.") if isinstance(entry, dict) else {f"{prefix}{key}": entry}
    return flat
