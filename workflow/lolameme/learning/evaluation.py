"""Evaluating a cell: predictions and metrics of a trained model on every test split of its variant."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from pydantic import ValidationError
from tokenizers import Tokenizer

from lolameme.base import tensors
from lolameme.base.files import read_json, read_table, write_frame, write_json
from lolameme.data.tokenizer import load_tokenizer
from lolameme.learning.batches import Split
from lolameme.learning.device import Device
from lolameme.learning.scoring import Scores, score, written
from lolameme.models import stack
from lolameme.study import config
from lolameme.study.cell import Cell, again, check, trained
from lolameme.study.settings import Model


def load_cell(folder: Path) -> tuple[stack.Stack, dict[str, Any]]:
    """The trained model of a cell and its model.json.

    Raises ValueError, in a sentence for the user, if there is none, or its mixers have changed since; Damaged, with the
    remedy, if a file is.
    """
    facts, (weights, _) = trained(folder), tensors.load(folder / "model.safetensors")
    try:
        model = stack.build(facts["architecture"], Model(**facts["model"]), facts["vocabulary"])
        model.load_state_dict(weights)
    except (KeyError, RuntimeError, ValidationError):
        raise ValueError(
            f"{folder} was trained by another version of its mixers; train it again: {again(facts)}"
        ) from None
    return model, facts


def evaluate_cell(study: config.Study, cell: Cell, data: Path, folder: Path, threads: int) -> None:
    """Score a trained cell on all its test splits; write predictions.parquet and metrics.json."""
    model, facts = load_cell(folder)
    dataset, card = read_json(data / "dataset.json"), read_json(data / "card.json")
    check(study, facts, dataset["content"])
    device = Device.choose(study.device, facts["training"]["precision"], threads)
    model.to(device.torch_device)
    tokenizer = load_tokenizer(data)
    variant: Any = study.variants[cell.variant]  # of some task
    predictions, splits = [], {}
    for name in variant.tests:
        split = Split.read(data / f"{name}.parquet")
        scores = score(model, split, device)
        answered = written(model, split, scores, device)
        rows = prediction_rows(data / f"{name}.parquet", split, scores, answered, tokenizer, dataset["slices"])
        predictions.append(rows)
        baselines = {key: card["splits"][name][key] for key in ("chance", "majority", "value_share", "floor", "oracle")}
        splits[name] = summary(rows) | {"baselines": baselines, "slices": slices(rows, dataset["slices"])}
    write_frame(folder / "predictions.parquet", pd.concat(predictions))
    keep = (
        "variant",
        "architecture",
        "seed",
        "mixers",
        "match",
        "asked",
        "parameters",
        "flops_per_token",
        "data",
        "world",
        "code",
        "device",
        "precision",
        "attention",
    )
    cost = {key: facts[key] for key in ("steps", "tokens", "train_seconds", "processor_seconds", "peak_memory_bytes")}
    chosen = {key: facts["training"][key] for key in ("learning_rate", "weight_decay")}
    shown = {key: facts[key] for key in keep} | {"d_model": facts["model"]["d_model"]} | chosen
    write_json(folder / "metrics.json", shown | {"cost": cost, "splits": splits})


def prediction_rows(
    path: Path, split: Split, scores: Scores, answered: np.ndarray, tokenizer: Tokenizer, columns: list[str]
) -> pd.DataFrame:
    """One row per query: what was asked, what was answered, and the `columns` to slice by, see `columns.PREDICTIONS`.

    `answered` are the tokens of greedy decoding; of an answer that ends too early, those up to its end sign are shown.
    """
    table = read_table(path, ["id", "split", "answer", "token_end", "token_stop", *columns])
    flat = {name: table[name].combine_chunks().flatten().to_pandas() for name in ("answer", *columns)}
    signed = pc.any(pc.not_equal(*(pc.list_flatten(table[name]) for name in ("token_end", "token_stop")))).as_py()
    last = np.repeat(split.offsets[:-1], split.queries) + split.stop - 1  # (Q,) what ends each answer
    ends = np.unique(split.flat[last]) if signed else np.zeros(0, np.uint16)
    texts = until(answered, scores.offsets, ends)
    return pd.DataFrame(
        {
            "split": np.repeat(table["split"].to_numpy(), split.queries),
            "program": np.repeat(table["id"].to_numpy(), split.queries),
            "query": np.concatenate([np.arange(n) for n in split.queries]),
            "predicted": tokenizer.decode_batch(texts),
            "exact_match": scores.correct,
            "token_accuracy": scores.token_accuracy,
            "loss": scores.loss,
            **flat,
        }
    )


def until(tokens: np.ndarray, offsets: np.ndarray, ends: np.ndarray) -> list[list[int]]:
    """Answers that stand behind each other, each up to its first end sign, it included; all of it, if there is none."""
    found = []
    ending, listed = np.isin(tokens, ends).tolist(), tokens.tolist()
    for start, stop in itertools.pairwise(offsets.tolist()):
        end = next((i + 1 for i in range(start, stop) if ending[i]), stop)
        found.append(listed[start:end])
    return found


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Means over queries."""
    means = {name: float(rows[name].mean()) for name in ("exact_match", "token_accuracy", "loss")}
    return {"queries": len(rows), **means}


def slices(rows: pd.DataFrame, columns: list[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Exact match for every value of every column that takes several."""
    found = {}
    for column in columns:
        groups = rows.groupby(column)["exact_match"].agg(["size", "mean"])
        if len(groups) > 1:
            found[column] = {
                str(value): {"queries": int(row["size"]), "exact_match": float(row["mean"])}
                for value, row in groups.iterrows()
            }
    return found
