"""Training a cell, or a trial of one: from the data of its variant to files on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from lolameme.base import provenance, tensors
from lolameme.base.files import digest, read_json, read_table, write_json, write_table
from lolameme.base.seeds import seed_of
from lolameme.data.lengths import require_length
from lolameme.learning import snapshots
from lolameme.learning.batches import COLUMNS, Split
from lolameme.learning.device import Device
from lolameme.learning.scoring import score
from lolameme.learning.trainer import Progress, train
from lolameme.models import stack
from lolameme.models.cost import flops_per_token, matched, trained_parameters
from lolameme.study import config
from lolameme.study.architectures import model_of
from lolameme.study.cell import Cell
from lolameme.study.settings import Training, trial_name

TRAIN_SAMPLE = 256  # training queries on which the gap between train and valid is measured, in whole programs


class Job:
    """A training ready to run: its model, its data and the facts that it will leave beside its weights."""

    def __init__(self, study: config.Study, cell: Cell, training: Training, data: Path, threads: int):
        dataset = read_json(data / "dataset.json")
        self.cell, self.training, self.data = cell, training, data
        self.device = Device.choose(study.device, training.precision, threads)
        vocabulary = dataset["vocabulary"]
        longest = {name: facts["longest"] for name, facts in dataset["splits"].items()}
        require_length(study.model.length, cell.variant, longest)
        usual = longest["train"]
        model = model_of(cell.architecture, study.model)
        model = matched(study.match, cell.architecture, model, vocabulary, usual, training.batch)
        seed = seed_of(cell.seed, "initialisation", cell.variant, cell.architecture)
        self.model = stack.build(cell.architecture, model, vocabulary, seed)
        self.facts = {
            "variant": cell.variant,
            "architecture": cell.architecture,
            "seed": cell.seed,
            "mixers": stack.pattern(cell.architecture, model.layers),
            "match": study.match,
            "asked": study.asked(cell.variant, cell.architecture),
            "model": model.model_dump(),
            "vocabulary": vocabulary,
            "training": training.model_dump(),
            "data": dataset["content"],
            "world": dataset["world"],
            "code": provenance.code_version(),
            "parameters": trained_parameters(self.model),
            "flops_per_token": flops_per_token(cell.architecture, model, vocabulary, usual, training.batch),
            "device": self.device.name,
            "precision": self.device.precision,
            "attention": self.device.attention,
            "threads": threads,
        }

    def run(
        self, checkpoint: Path, report: Callable[[Progress], None]
    ) -> tuple[list[dict[str, Any]], dict[str, Any], snapshots.Snapshots]:
        """Train the model, going on from `checkpoint` if an earlier attempt left one; its history, a summary and the
        snapshots on the way."""
        train_table = read_table(self.data / "train.parquet", COLUMNS)
        whole = Split(train_table)
        splits = {
            "train": whole,
            "train sample": Split(train_table.slice(0, whole.programs_with(TRAIN_SAMPLE))),
            "valid": Split.read(self.data / "valid.parquet"),
        }
        identity = provenance.fingerprint(self.facts)
        return train(self.model, self.training, splits, self.cell.seed, self.device, checkpoint, identity, report)


def train_cell(
    study: config.Study,
    cell: Cell,
    training: Training,
    data: Path,
    folder: Path,
    threads: int,
    report: Callable[[Progress], None],
) -> None:
    """Train a cell on the data of its variant; write model.safetensors, model.json and history.parquet to `folder`.

    In a study that keeps snapshots also snapshots.safetensors, which is empty where the cell's variant has none.
    """
    job, checkpoint = Job(study, cell, training, data, threads), folder / "checkpoint.safetensors"
    history, summary, kept = job.run(checkpoint, report)
    tensors.save(folder / "model.safetensors", job.model.state_dict())
    if study.keeps_snapshots:
        snapshots.write(folder, kept)
    write_table(folder / "history.parquet", pa.Table.from_pylist(history))
    cuda = job.device.torch_device.type == "cuda"
    peak = torch.cuda.max_memory_allocated() if cuda else provenance.peak_memory()
    weights = digest(folder / "model.safetensors")
    write_json(folder / "model.json", job.facts | summary | {"peak_memory_bytes": peak, "weights": weights})
    checkpoint.unlink(missing_ok=True)


def train_trial(
    study: config.Study, variant: str, architecture: str, training: Training, data: Path, checkpoint: Path,
    threads: int, report: Callable[[Progress], None],
) -> dict[str, Any]:  # fmt: skip
    """Try a training, such as a point of the tuning grid: how well it did on valid, in all and by program. Diverging is
    a result, too.

    All trials of a variant and architecture share their seed, which no cell has.
    """
    job = Job(study, Cell(variant, architecture, seed_of(0, "tuning")), training, data, threads)
    point = {"trial": trial_name(training)} | {k: getattr(training, k) for k in ("learning_rate", "weight_decay")}
    result: dict[str, Any] = {"exact_match": None, "loss": None, "diverged": None, "curve": []}
    try:
        history, summary, _ = job.run(checkpoint, report)
        curve = [{k: row[k] for k in ("step", "exact_match", "loss")} for row in history if row["split"] == "valid"]
        last = {key: curve[-1][key] for key in ("exact_match", "loss")}
        result |= summary | last | {"curve": curve} | answers(job.model, Split.read(data / "valid.parquet"), job.device)
    except FloatingPointError as error:
        result |= {"diverged": str(error)}
    checkpoint.unlink(missing_ok=True)
    return point | result | {key: job.facts[key] for key in ("data", "world", "code", "device", "precision")}


def answers(model: stack.Stack, split: Split, device: Device) -> dict[str, list[int]]:
    """Right answers and queries of every program of a split, which a test against its floor asks for."""
    first = np.cumsum(split.queries) - split.queries
    right = np.add.reduceat(score(model, split, device).correct, first, dtype=np.int64)
    return {"right": right.tolist(), "queries": split.queries.tolist()}
