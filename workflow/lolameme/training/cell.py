"""Training a cell: from the data of its variant to weights, facts and history on disk."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from lolameme import config, provenance
from lolameme.cell import Cell
from lolameme.files import atomic, read_json, write_json
from lolameme.models import stack
from lolameme.models.cost import flops_per_token
from lolameme.seeds import seed_of
from lolameme.training.data import Split
from lolameme.training.device import Device
from lolameme.training.loop import train
from lolameme.training.progress import Watcher

_TRAIN_SAMPLE = 256  # training programs on which the gap between train and valid is measured


def train_cell(study: config.Study, cell: Cell, data: Path, folder: Path, threads: int, watcher: Watcher) -> None:
    """Train a cell on the data of its variant; write model.safetensors, model.json and history.parquet.

    Continues from `checkpoint.safetensors` in `folder` if an earlier attempt at the same cell left one.
    """
    training, dataset = study.training_of(cell.variant), read_json(data / "dataset.json")
    device = Device.choose(study.device, training.precision, threads)
    longest = max(split["longest"] for split in dataset["splits"].values())
    seed = seed_of(cell.seed, "initialisation", cell.variant, cell.architecture)
    model = stack.build(cell.architecture, study.model, dataset["vocabulary"], longest, seed)
    facts = {
        "variant": cell.variant,
        "architecture": cell.architecture,
        "seed": cell.seed,
        "mixers": stack.pattern(cell.architecture, study.model.layers),
        "model": study.model.model_dump(),
        "vocabulary": dataset["vocabulary"],
        "max_length": longest,
        "training": training.model_dump(),
        "data": dataset["content"],
        "code": provenance.code_version(),
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "flops_per_token": flops_per_token(
            cell.architecture,
            study.model,
            dataset["vocabulary"],
            dataset["splits"]["train"]["longest"],
            training.batch,
        ),
        "device": device.name,
        "precision": device.precision,
        "attention": device.attention,
        "threads": threads,
    }
    splits = {
        "train": Split.read(data / "train.parquet"),
        "train sample": Split.read(data / "train.parquet", _TRAIN_SAMPLE),
        "valid": Split.read(data / "valid.parquet"),
    }
    checkpoint = folder / "checkpoint.safetensors"
    history, summary = train(
        model, training, splits, cell.seed, device, checkpoint, provenance.fingerprint(facts), watcher
    )
    with atomic(folder / "model.safetensors") as path:
        save_file({name: t.cpu().contiguous() for name, t in model.state_dict().items()}, path)
    with atomic(folder / "history.parquet") as path:
        history.to_parquet(path, index=False)
    peak = torch.cuda.max_memory_allocated() if device.torch_device.type == "cuda" else provenance.peak_memory()
    write_json(folder / "model.json", facts | summary | {"peak_memory_bytes": peak})
    checkpoint.unlink(missing_ok=True)
