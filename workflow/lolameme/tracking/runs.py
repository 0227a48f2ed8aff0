"""MLflow: a view on the result files that can be rebuilt at any time.

An experiment per variant holds a run per cell; one for the whole study holds the means over seeds and its figures, so
that grouping the runs of a variant counts seeds only; and one holds the trials of learning rates, as runs of a sweep.
While a cell trains its run is open, with what its progress file says; the final one takes its place. Tracking is
idempotent. A cell's run is known by its weights and metrics: as long as these stay, artefacts may be added to it. A
cell trained again gets a new run, and the old one is kept, marked as superseded; so are runs of cells that the study
has dropped.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib.colors
import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, ViewType
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from lolameme.base.files import digest, read_frame, read_json, require_whole
from lolameme.base.provenance import flatten
from lolameme.drawing import style
from lolameme.study import architectures, config
from lolameme.study.cell import check
from lolameme.study.paths import ARTIFACTS, data_of
from lolameme.tracking import store
from lolameme.tracking.links import VIEW, page_of, table_of

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
_CELL, _CONTENT, _STATE, _FILE = "lolameme.cell", "lolameme.content", "state", "lolameme.file."
CURRENT, SUPERSEDED, DROPPED = "current", "superseded", "dropped from the study"  # states of a run
_ALL = 50_000  # the most runs that MLflow finds at once
_FILES = ("model.json", "metrics.json", "history.parquet")
SWEEPS = "learning rates"  # the experiment of a study's trials: no variant has a name with a space
_ENDED = ("FINISHED", "FAILED")  # a trial that diverged has failed, and is no less over


class Tracker:
    """Writes the cells of one study to an MLflow tracking store."""

    def __init__(self, study: config.Study, uri: str, cells: list[tuple[dict[str, Any], Path]]):
        self.study, self.cells, self.uri = study, cells, uri
        facts = {folder: read_json(folder / "model.json") for _, folder in cells}
        for one in facts.values():
            check(study, one)
        shown = {folder: flatten({key: one[key] for key in _SETTINGS}) for folder, one in facts.items()}
        differing = {key for one in shown.values() for key in one if len({str(o.get(key)) for o in shown.values()}) > 1}
        kept = differing | set(_ALWAYS)
        colours = style.colours(list(study.stacks))
        self.colours = {name: matplotlib.colors.to_hex(colour) for name, colour in colours.items()}
        self.settings = {f: {key: one[key] for key in sorted(kept & set(one))} for f, one in shown.items()}

    def track(
        self, leaderboard: pd.DataFrame, exhibits: dict[str, list[Path]], choices: Iterable[Path] = ()
    ) -> dict[str, Any]:
        """Show all cells, the means over their seeds, the exhibits, by folder, and the trials of the choices, each the
        file of a variant and architecture; returns the experiment and run ids.

        Raises RuntimeError if the store cannot be opened.
        """
        with store.opened(self.uri) as client:
            self.use(client)
            made: dict[str, dict[str, Any]] = {"cells": {}, "architectures": {}}
            whole = self.experiment("", "Means over the seeds of every architecture and variant, and all figures.")
            made["study"] = self.exhibits(whole, exhibits)
            self.figures = f"\n\n[Figures of the study]({page_of(made['study'], '/artifacts')})"
            for variant in self.study.variants:
                experiment = self.experiment(variant, self.study.variants[variant].about)
                for cell, folder in self.cells:
                    if cell["variant"] == variant:
                        name = f"{variant}/{cell['architecture']}/seed{cell['seed']}"
                        made["cells"][name] = self.cell(experiment, name, folder)
            for (variant, architecture), rows in leaderboard.groupby(["variant", "architecture"], sort=False):
                made["architectures"][f"{variant}/{architecture}"] = self.means(whole, rows)
            for choice in choices:
                self.sweep(choice)
            self.mark_dropped()
            return made

    def use(self, client: MlflowClient) -> None:
        """Write with this client from now on."""
        self.client: MlflowClient = client
        self.shown: set[str] = set()  # identities of the runs that belong to the study
        self.experiments: dict[str, str] = {}  # their ids by name, once they were looked up
        self.figures = ""  # a link to them, once they are there

    def experiment(self, variant: str, about: str) -> str:
        """The id of the experiment `<study>/<variant>`, or `<study>`, made where it does not exist."""
        name = "/".join([self.study.study, variant] if variant else [self.study.study])
        if name in self.experiments:
            return self.experiments[name]
        found, path = self.client.get_experiment_by_name(name), store.database(self.uri)
        if found is None:
            location = (ARTIFACTS / name).as_posix() if path else None  # a server keeps artefacts where it likes
            identifier = self.client.create_experiment(name, artifact_location=location)
            if path:
                store.relocate(path)
        else:
            identifier = found.experiment_id
            if found.lifecycle_stage == "deleted":
                self.client.restore_experiment(identifier)
        # MLflow opens an experiment at its page for language model calls, and a table with columns of its own; only a
        # link, or what a browser remembers, can say otherwise. Of a description the page shows how it begins.
        ranked = f"[runs by exact match]({table_of(identifier)}) · {about}"
        self.client.set_experiment_tag(identifier, "mlflow.note.content", ranked)
        # MLflow's pages then show metrics and charts first, not traces of language model calls
        self.client.set_experiment_tag(identifier, "mlflow.experimentKind", "custom_model_development")
        splits = self.study.variants[variant].tests if variant in self.study.variants else ()
        shared = json.dumps(view(splits or ("valid" if variant == SWEEPS else "test",)))
        self.client.set_experiment_tag(identifier, f"mlflow.sharedViewState.{VIEW}", shared)
        self.experiments[name] = identifier
        return identifier

    def current(self, experiment: str, identity: str, content: str) -> Run | None:
        """The ended run that shows just this content, if any. Others of the identity are marked as superseded; what a
        killed process began is deleted."""
        runs = self.client.search_runs(
            [experiment],
            f"tags.`{_CELL}` = '{identity}'",
            ViewType.ACTIVE_ONLY,
            _ALL,
            order_by=["attributes.start_time DESC"],
        )
        self.shown.add(identity)
        kept = None
        for run in runs:
            if run.info.status not in _ENDED:
                self.delete(run)
            elif kept is None and run.data.tags.get(_CONTENT) == content:
                kept = run
                self.state(run, CURRENT)
            else:
                self.state(run, SUPERSEDED)
        return kept

    def delete(self, run: Run) -> None:
        """Delete a run, and where artefacts are files of ours also these, which MLflow would keep."""
        self.client.delete_run(run.info.run_id)
        if folder := self.artefacts(run):
            shutil.rmtree(folder.parent, ignore_errors=True)  # .../<run>/artifacts

    def artefacts(self, run: Run) -> Path | None:
        """The folder of a run's artefacts where they are files of ours; None where a server keeps them."""
        folder = Path(run.info.artifact_uri)
        return folder if store.database(self.uri) and ARTIFACTS in folder.parents else None

    def state(self, run: Run, state: str) -> None:
        """Mark a run, and say in its name if it is not current."""
        if run.data.tags.get(_STATE) != state:
            name = run.info.run_name.partition(" (")[0]
            self.client.update_run(run.info.run_id, name=name if state == CURRENT else f"{name} ({state})")
            self.client.set_tag(run.info.run_id, _STATE, state)

    def open(self, experiment: str, identity: str, name: str, tags: dict[str, str]) -> str:
        """The id of the run of a training that goes on, begun where there is none. `current` deletes it in the end."""
        found = self.client.search_runs([experiment], f"tags.`{_CELL}` = '{identity}'", ViewType.ACTIVE_ONLY, _ALL)
        for run in found:
            if run.info.status not in _ENDED:
                self.client.update_run(run.info.run_id, status="RUNNING")
                return run.info.run_id
        tags = {_CELL: identity, _STATE: CURRENT, "study": self.study.study} | tags
        return self.client.create_run(experiment, tags=tags, run_name=name).info.run_id

    def mark_dropped(self) -> None:
        """Mark the runs of cells, and of means, that are no longer part of the study."""
        name = self.study.study
        found = self.client.search_experiments(filter_string=f"name = '{name}'")
        found += self.client.search_experiments(filter_string=f"name LIKE '{name}/%'")
        for experiment in found:
            for run in self.client.search_runs([experiment.experiment_id], max_results=_ALL):
                if run.data.tags.get(_CELL) not in self.shown and run.data.tags.get(_STATE) == CURRENT:
                    self.state(run, DROPPED)

    def cell(self, experiment: str, name: str, folder: Path) -> dict[str, str]:
        """The run of a cell, written where there is none with its weights and metrics."""
        settings, identity = self.settings[folder], f"{self.study.study}/{name}"
        facts, metrics = read_json(folder / "model.json"), read_json(folder / "metrics.json")
        content = fingerprint(facts["weights"], metrics["splits"])  # a digest, as the weights themselves may be gone
        note = f"{facts['architecture']} ({', '.join(facts['mixers'])}) on {facts['variant']}{self.figures}"
        found = self.current(experiment, identity, content)
        if found is not None:
            made, run = found, found.info.run_id
            if self.figures and made.data.tags.get("mlflow.note.content") != note:
                self.client.set_tag(run, "mlflow.note.content", note)
            # which settings differ between cells is known once all cells are there
            later = [Param(key, str(value)) for key, value in settings.items() if key not in made.data.params]
            self.client.log_batch(run, params=later)
        else:
            tags = self.tags(identity, content, facts["architecture"]) | {
                "variant": facts["variant"],
                "seed": str(facts["seed"]),
                "data": facts["data"],
                "code": facts["code"]["sources"],
                "commit": str(facts["code"]["commit"]),
                "lolameme.files": str(folder),
                "mlflow.note.content": note,
            }
            run_name = f"{facts['architecture']} seed{facts['seed']}"
            ended = round((folder / "model.json").stat().st_mtime * 1000)  # so that the duration is that of training
            begun = ended - round(facts["train_seconds"] * 1000)
            made = self.client.create_run(experiment, begun, tags, run_name)
            run = made.info.run_id
            self.client.log_batch(run, params=[Param(key, str(value)) for key, value in settings.items()])
            self.client.log_inputs(run, datasets=inputs(data_of(folder, facts["world"]), facts["variant"]))
            logged = per_step(read_frame(folder / "history.parquet")) + final(metrics)
            for start in range(0, len(logged), 1000):
                self.client.log_batch(run, metrics=logged[start : start + 1000])
            self.client.set_terminated(run, "FINISHED", ended)
        identity_of = (facts["variant"], facts["architecture"], facts["seed"])
        looked = [(self.study.paths.analysis(name, *identity_of), f"analyses/{name}") for name in self.study.analyses]
        there = [(file, place) for file, place in looked if file.exists()]  # not yet, while the study runs
        self.attach(made, [*((folder / file, None) for file in _FILES), *there])
        return {"experiment_id": experiment, "run_id": run}

    def attach(self, run: Run, files: Iterable[tuple[Path, str | None]]) -> None:
        """Add files to a run as artefacts, each in a folder of the run; those that it holds already stay.

        Tags say what it holds; where artefacts are files here, they may have been deleted since.
        """
        here = self.artefacts(run)
        for file, folder in files:
            content = digest(file)[:32]
            name = f"{_FILE}{folder}.{file.name}" if folder else f"{_FILE}{file.name}"
            lost = here is not None and not (here / (folder or "") / file.name).exists()
            if lost or run.data.tags.get(name) != content:
                require_whole(file)
                self.client.log_artifact(run.info.run_id, str(file), folder)
                self.client.set_tag(run.info.run_id, name, content)

    def means(self, experiment: str, rows: pd.DataFrame) -> dict[str, str]:
        """The run of an architecture on a variant: means over its seeds, with intervals."""
        variant, architecture, seeds = (rows[key].iloc[0] for key in ("variant", "architecture", "seeds"))
        identity, values = f"{self.study.study}/{variant}/{architecture}", {}
        for _, row in rows.iterrows():
            for key in ("exact_match", "low", "high"):
                values[f"{row['split']}.exact_match" + ("" if key == "exact_match" else f".{key}")] = float(row[key])
        values |= {key: float(rows[key].iloc[0]) for key in ("processor_seconds", "tokens_per_second")}
        content = fingerprint("", values)
        found = self.current(experiment, identity, content)
        if found is not None:
            return {"experiment_id": experiment, "run_id": found.info.run_id}
        tags = self.tags(identity, content, architecture) | {
            "variant": variant,
            "seed": "all",
            "mlflow.note.content": f"{architecture} on {variant}: means over {seeds} seeds, with 95 % t intervals",
        }
        run = self.client.create_run(experiment, run_name=f"{architecture} on {variant}", tags=tags).info.run_id
        self.client.log_batch(
            run,
            params=[Param("architecture", architecture), Param("variant", variant), Param("seeds", str(seeds))],
            metrics=[Metric(key, value, 0, 0) for key, value in values.items()],
        )
        self.client.set_terminated(run, "FINISHED")
        return {"experiment_id": experiment, "run_id": run}

    def sweeps(self, place: str) -> tuple[str, str]:
        """The experiment of all trials, and the identity of the run of a trial, or of those of an architecture."""
        about = "Trials of learning rates, judged on valid; a run holds those of an architecture on a variant."
        return self.experiment(SWEEPS, about), f"{self.study.study}/{SWEEPS}/{place}"

    def sweep(self, choice: Path) -> None:
        """The trials of a variant and architecture, given by the file of their choice: a run, with a run for each."""
        found, architecture, variant = read_json(choice), choice.parent.name, choice.parent.parent.name
        chosen = next(trial for trial in found["trials"] if trial["trial"] == found["chosen"])
        described = f"{architecture} on {variant}: {found['chosen']} is chosen ({found['why']})"
        above = self.point(f"{variant}/{architecture}", described, f"{architecture} on {variant}", chosen, {})
        for trial in found["trials"]:
            file = choice.with_name(f"{trial['trial']}.json")  # those beyond the grid have none
            whole = trial | (read_json(file) if file.exists() else {})
            note = f"{architecture} on {variant} at {trial['trial']}" + " (chosen)" * (trial is chosen)
            place, under = f"{variant}/{architecture}/{trial['trial']}", {MLFLOW_PARENT_RUN_ID: above}
            self.point(place, note, trial["trial"], whole, under)

    def point(self, place: str, note: str, name: str, trial: dict[str, Any], tags: dict[str, str]) -> str:
        """The run of a trial, or of all of them with what was chosen; returns its id."""
        experiment, identity = self.sweeps(place)
        content = fingerprint(json.dumps(tags), trial)
        variant, architecture = place.split("/")[:2]
        run = self.current(experiment, identity, content)
        if run is not None:
            return run.info.run_id
        tags = self.tags(identity, content, architecture) | tags | {"variant": variant, "mlflow.note.content": note}
        made = self.client.create_run(experiment, tags=tags, run_name=name).info.run_id
        shown = {"architecture": architecture, "variant": variant}
        shown |= {key: trial[key] for key in ("learning_rate", "weight_decay")}
        curve = trial.get("curve") or (
            [trial | {"step": trial["steps"] or 0}] if trial["exact_match"] is not None else []
        )
        self.client.log_batch(
            made,
            params=[Param(key, str(value)) for key, value in shown.items()],
            metrics=[
                Metric(f"valid.{key}", point[key], 0, int(point["step"]))
                for point in curve
                for key in ("exact_match", "loss")
            ],
        )
        self.client.set_terminated(made, "FAILED" if trial["diverged"] else "FINISHED")
        return made

    def exhibits(self, experiment: str, files: dict[str, list[Path]]) -> dict[str, str]:
        """One run that holds the figures, tables and data cards of the whole study, in folders."""
        identity = f"{self.study.study}/exhibits"
        found = self.current(experiment, identity, "")
        if found is None:
            tags = {_CELL: identity, _CONTENT: "", _STATE: CURRENT, "study": self.study.study}
            found = self.client.create_run(experiment, run_name="figures and tables", tags=tags)
            self.client.set_terminated(found.info.run_id, "FINISHED")
        self.attach(found, ((file, folder) for folder, of_folder in files.items() for file in of_folder))
        return {"experiment_id": experiment, "run_id": found.info.run_id}

    def tags(self, identity: str, content: str, architecture: str) -> dict[str, str]:
        """What cells and architectures can be filtered by."""
        return {
            _CELL: identity,
            _CONTENT: content,
            _STATE: CURRENT,
            "study": self.study.study,
            "architecture": architecture,
            "family": architectures.family(architecture),
            "position": "+".join(map(str, architectures.positions(architecture))) or "none",
            "mlflow.runColor": self.colours.get(architecture, style.QUIET),  # as in the report
        }


def fingerprint(files: str, values: dict[str, Any]) -> str:
    """A digest of a digest of files and of what is shown beside them."""
    return hashlib.sha256((files + json.dumps(values, sort_keys=True, default=str)).encode()).hexdigest()


def view(splits: Iterable[str]) -> dict[str, Any]:
    """How MLflow's pages show the runs of an experiment: with exact match on these splits, the best run first.

    It is what their "Share" button keeps in a tag of the experiment, for addresses with `viewStateShareKey`.
    """
    metrics = [f"{split}.exact_match" for split in splits]
    columns = [*(f"metrics.`{name}`" for name in metrics), "params.`architecture`", "params.`seed`"]
    columns += ["params.`training.learning_rate`"]
    return {
        "searchFilter": f'tags.state = "{CURRENT}"',
        "orderByKey": f"metrics.`{metrics[0]}`",
        "orderByAsc": False,
        "selectedColumns": columns,
        "hideEmptyCharts": True,
    }


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
    values = {key: cost[key] for key in ("train_seconds", "processor_seconds", "peak_memory_bytes")}
    # where MLflow's pages look for what a training took of its machine
    values["system/cpu_utilization_percentage"] = 100 * cost["processor_seconds"] / max(cost["train_seconds"], 1e-9)
    values["system/peak_memory_megabytes"] = cost["peak_memory_bytes"] / 1e6
    for split, result in metrics["splits"].items():
        values |= {f"{split}.{key}": result[key] for key in ("exact_match", "token_accuracy", "loss")}
    at = round(cost["train_seconds"] * 1000)
    return [Metric(key, value, at, cost["steps"]) for key, value in values.items()]
