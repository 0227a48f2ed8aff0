"""The tidy tables of a study, from the files of its cells alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lolameme.analyses._routes import counted
from lolameme.base.files import atomic, read_frame, read_json, write_frame
from lolameme.learning.columns import HISTORY
from lolameme.reporting import latex
from lolameme.statistics import lock_in, means, verdicts
from lolameme.statistics.answers import Answers
from lolameme.study import architectures, config
from lolameme.study.cell import check
from lolameme.study.exhibits import CELL, Column, Table

KEYS = ["variant", "architecture", "seed"]

SHARED = (  # what all seeds of an architecture have in common
    "family",
    "positions",
    "queries",
    "chance",
    "majority",
    "value_share",
    "oracle",
    "parameters",
    "flops_per_token",
    "d_model",
    "learning_rate",
    "weight_decay",
    "steps",
)
MEANS = (  # over the seeds
    "floor",
    "tokens",
    "token_accuracy",
    "loss",
    "train_seconds",
    "processor_seconds",
    "tokens_per_second",
    "peak_memory_bytes",
)


def cells(study: config.Study) -> list[tuple[dict[str, Any], Path]]:
    """Identity and folder of every cell of a study."""
    return [
        (dict(zip(KEYS, (variant, architecture, seed), strict=True)), study.paths.cell(variant, architecture, seed))
        for variant, architecture, seed in study.cells
    ]


def reading(file: str) -> Callable[[config.Study], list[Path]]:
    """What a table reads that is made of one file of every cell."""
    return lambda study: [folder / file for _, folder in cells(study)]


def scores(study: config.Study) -> pd.DataFrame:
    """One row per cell and test split: exact match, what needs no binding, and what the cell cost.

    `floor` is what the best solver without binding reaches on the split. `above` says whether the cell is better by a
    test, `locked` whether it has locked in, `high` whether it is at the ceiling.
    """
    rows = []
    for identity, path in cells(study):
        metrics, answered = read_json(path / "metrics.json"), answers(path)
        check(study, metrics)
        name = identity["architecture"]
        shared = {
            "family": architectures.family(name),
            "positions": "+".join(map(str, architectures.positions(name))),
            "mixers": " ".join(metrics["mixers"]),
            "d_model": metrics["d_model"],
            "learning_rate": metrics["learning_rate"],
            "weight_decay": metrics["weight_decay"],
            "parameters": metrics["parameters"],
            "flops_per_token": metrics["flops_per_token"],
            **metrics["cost"],
            "tokens_per_second": metrics["cost"]["tokens"] / metrics["cost"]["processor_seconds"],
            "device": metrics["device"],
            "precision": metrics["precision"],
            "attention": metrics["attention"],
            "data": metrics["data"],
            "code": metrics["code"]["sources"],
        }
        for split, result in metrics["splits"].items():
            measured = {key: result[key] for key in ("queries", "exact_match", "token_accuracy", "loss")}
            made = Answers(*answered[split], result["baselines"]["floor"])
            found = {"above": made.above, "locked": made.locked, "high": made.high}
            rows.append(identity | {"split": split} | measured | result["baselines"] | found | shared)
    return pd.DataFrame(rows)


def processor_seconds(cells: pd.DataFrame) -> float:
    """Of all cells together, from their rows on every test split."""
    return float(cells.drop_duplicates(KEYS)["processor_seconds"].sum())


def slices(study: config.Study) -> pd.DataFrame:
    """One row per cell, test split, column and value: exact match of that slice."""
    rows = [
        identity | {"split": split, "column": column, "value": value} | result
        for identity, path in cells(study)
        for split, metrics in read_json(path / "metrics.json")["splits"].items()
        for column, values in metrics["slices"].items()
        for value, result in values.items()
    ]
    return pd.DataFrame(rows, columns=list(SLICES))


def learning(study: config.Study) -> pd.DataFrame:
    """The training histories of all cells."""
    return pd.concat(
        [read_frame(path / "history.parquet").assign(**identity) for identity, path in cells(study)],
        ignore_index=True,
    )


def answers(cell: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Per test split the queries of each program that a cell got right, and all of them, both (programs,)."""
    rows = read_frame(cell / "predictions.parquet", columns=["split", "program", "exact_match"])
    found = {}
    for split, of_split in rows.groupby("split", sort=False):
        by_program = of_split.groupby("program")["exact_match"].agg(["sum", "size"])
        found[str(split)] = by_program["sum"].to_numpy(float), by_program["size"].to_numpy()
    return found


def leaderboard(scored: pd.DataFrame, learned: pd.DataFrame, verdicts: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per variant, test split and architecture: exact match, lock-in, and steps until half of it.

    `exact_match` with `low` and `high`: mean over seeds and its 95 % t interval. `locked` of `seeds` cells lock in,
    with the exact interval of that share; `above` of them are above their floor. `state` is the verdict on all seeds
    where they are at the ceiling or at their floor. `routes` counts the seeds by the route by which they recall, from
    the `verdicts` on cells; empty without, or where no names can be exchanged.
    """
    routes = {}
    if verdicts is not None:
        once = verdicts.drop_duplicates(KEYS).groupby(["variant", "architecture"], sort=False)
        routes = once["verdict"].agg(counted).to_dict()
    half, rows = steps_to_half(scored, learned), []
    for (variant, split, architecture), mine in scored.groupby(["variant", "split", "architecture"], sort=False):
        mean, low, high = means.share(mine["exact_match"].to_numpy())
        locked, seeds = int(mine["locked"].sum()), len(mine)
        locked_low, locked_high = lock_in.share_locked(locked, seeds)
        rows.append(
            {"variant": variant, "split": split, "architecture": architecture}
            | {"exact_match": mean, "low": low, "high": high, "seeds": seeds}
            | {
                "locked": locked,
                "locked_low": locked_low,
                "locked_high": locked_high,
                "above": int(mine["above"].sum()),
            }
            | {"state": state(mine), "routes": routes.get((variant, architecture), "")}
            | mine.iloc[0][list(SHARED)].to_dict()
            | {key: mine[key].mean() for key in MEANS}
            | {"steps_to_half": half[variant, architecture] if split == "test" else None}
        )
    return pd.DataFrame(rows)


def state(cells: pd.DataFrame) -> str:
    """The verdict on cells of one split that needs no other architecture: at the ceiling, at its floor, or neither."""
    if cells["high"].all():
        return verdicts.AT_CEILING
    return "" if cells["above"].any() else verdicts.AT_FLOOR


def steps_to_half(scored: pd.DataFrame, learned: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Steps until a cell locks in on valid, halfway from the floor to 1: the median over seeds.

    Infinite where half of the seeds never do. Floor and lock-in are those of test, which is drawn as valid is.
    """
    test = scored[scored["split"] == "test"].set_index(KEYS)
    found: dict[tuple[str, str], list[float]] = {}
    for key, curve in learned[learned["split"] == "valid"].sort_values("step").groupby(KEYS):
        end, steps, reached = test.loc[key], curve["step"].to_numpy(), curve["exact_match"].to_numpy()
        taken = lock_in.steps_to_lock_in(steps, reached, end["floor"], end["locked"])
        found.setdefault(key[:2], []).append(taken)
    return {key: float(np.median(taken)) for key, taken in found.items()}


def choices(study: config.Study) -> list[Path]:
    """Where it stands which trial was chosen, for every variant and every architecture that is tuned for its family."""
    return [
        study.paths.trials(variant, architecture) / "choice.json"
        for variant in study.variants
        for architecture in study.tuned_stacks(variant)
    ]


def tuning(study: config.Study) -> pd.DataFrame:
    """One row per variant, tuned architecture and trial: what it tried, how it did on valid, whether it was chosen.

    `stands_for` are the architectures that train as it was chosen, `why` is what the choice rests on.
    """
    rows = []
    for path in choices(study):
        choice = read_json(path)
        variant, tuned = path.parts[-3:-1]
        served = " ".join(s for s in study.stacks_of(variant) if study.representative(variant, s) == tuned)
        identity = {"variant": variant, "architecture": tuned, "stands_for": served, "why": choice["why"]}
        rows += [identity | trial | {"chosen": trial["trial"] == choice["chosen"]} for trial in choice["trials"]]
    return pd.DataFrame(rows, columns=list(TUNING))


def costs(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """What each architecture costs on each variant, and what it reaches."""
    return leaderboard.loc[leaderboard["split"] == "test", list(COST)].reset_index(drop=True)


def learning_order(leaderboard: pd.DataFrame, learned: pd.DataFrame) -> pd.DataFrame:
    """Steps, tokens and seconds until half, from the soonest to the latest of each variant."""
    test = leaderboard.loc[
        leaderboard["split"] == "test", ["variant", "architecture", "family", "steps", "steps_to_half", "exact_match"]
    ]
    per_step = learned[learned["step"] > 0].assign(
        tokens=lambda rows: rows["tokens"] / rows["step"], seconds=lambda rows: rows["seconds"] / rows["step"]
    )
    last = per_step[per_step["step"] == per_step.groupby(KEYS)["step"].transform("max")]
    pace = last.groupby(["variant", "architecture"])[["tokens", "seconds"]].mean().add_suffix("_to_half")
    joined = test.join(pace, on=["variant", "architecture"])
    for what in ("tokens", "seconds"):
        joined[f"{what}_to_half"] *= joined["steps_to_half"]
    order = joined["variant"].map({name: i for i, name in enumerate(test["variant"].unique())})
    return (
        joined.assign(order=order).sort_values(["order", "steps_to_half"]).drop(columns="order").reset_index(drop=True)
    )


def write(table: pd.DataFrame, stem: Path) -> None:
    """Write a table as Parquet and as CSV."""
    write_frame(stem.with_suffix(".parquet"), table)
    with atomic(stem.with_suffix(".csv")) as path:
        table.to_csv(path, index=False, float_format="%.6g")


SPLIT = {"split": Column(str, "the test split")}
_QUERIES = {"queries": Column(int, "answered", "queries")}
_EXACT = {"exact_match": Column(float, "queries whose whole answer is right, end sign included", "share")}
_ACCURACY = {
    "token_accuracy": Column(
        float, "mean share of an answer's tokens that are the likeliest after the true ones", "share"
    ),
    "loss": Column(float, "mean cross-entropy of an answer's tokens", "nats per token"),
}
_BASELINES = {
    "floor": Column(float, "exact match of the best solver without binding", "share"),
    "chance": Column(float, "exact match of answering at random", "share"),
    "majority": Column(float, "of always saying the most frequent answer of train", "share"),
    "value_share": Column(float, "of saying a random value of the program; empty where some query has none", "share"),
    "oracle": Column(float, "of the interpreter: 1, or the data are wrong", "share"),
}
_MODEL = {
    "family": Column(str, "of the architecture: gpt2, hyena, thex, ..."),
    "positions": Column(str, "layers whose mixer is swapped, counted from 1, joined by +; empty: none is"),
    "d_model": Column(int, "width of the residual stream", "channels"),
    "learning_rate": Column(float, "its peak"),
    "weight_decay": Column(float, "on matrices"),
    "parameters": Column(int, "of the model", "parameters"),
    "flops_per_token": Column(float, "of a forward pass, by formula", "operations per token"),
}
_COST = {
    "steps": Column(int, "that the training had", "steps"),
    "tokens": Column(int, "that it was shown", "tokens"),
    "train_seconds": Column(float, "by the clock", "s"),
    "processor_seconds": Column(float, "of processor time", "s"),
    "peak_memory_bytes": Column(int, "of the process, on a GPU of its memory", "bytes"),
    "tokens_per_second": Column(float, "tokens by processor seconds", "tokens/s"),
}
CELLS = {
    **CELL,
    **SPLIT,
    **_QUERIES,
    **_EXACT,
    **_ACCURACY,
    **{name: _BASELINES[name] for name in ("chance", "majority", "value_share", "floor", "oracle")},
    "above": Column(bool, "exact match is above the floor, by a test over programs"),
    "locked": Column(
        bool, "the cell has locked in: it is halfway from the floor to 1, or further, and above the floor by a test"
    ),
    "high": Column(bool, "it is at the ceiling"),
    "family": _MODEL["family"],
    "positions": _MODEL["positions"],
    "mixers": Column(str, "of the layers, from the first to the last"),
    **{name: _MODEL[name] for name in ("d_model", "learning_rate", "weight_decay", "parameters", "flops_per_token")},
    **_COST,
    "device": Column(str, "where it was trained"),
    "precision": Column(str, "in which matrices were multiplied"),
    "attention": Column(str, "the kernel of attention"),
    "data": Column(str, "hash of its data"),
    "code": Column(str, "hash of the code that trained it"),
}
SLICES = {
    **CELL,
    **SPLIT,
    "column": Column(str, "the property of the query: a column of the split's file"),
    "value": Column(str, "its value, as text"),
    **_QUERIES,
    **_EXACT,
}
_TYPES = {"int64": int, "float64": float, "string": str}
LEARNING = {name: Column(_TYPES[column.type], column.meaning, column.unit) for name, column in HISTORY.items()} | CELL
TUNING = {
    "variant": CELL["variant"],
    "architecture": Column(str, "that was trained"),
    "stands_for": Column(str, "the architectures that train as it was chosen"),
    "why": Column(str, "what the choice rests on"),
    "trial": Column(str, "its name: learning rate and weight decay"),
    "learning_rate": _MODEL["learning_rate"],
    "weight_decay": _MODEL["weight_decay"],
    "steps": _COST["steps"],
    "tokens": _COST["tokens"],
    "exact_match": Column(float, "on valid at the end", "share"),
    "loss": Column(float, "on valid at the end", "nats per token"),
    "diverged": Column(str, "how, where training did"),
    "chosen": Column(bool, "whether the cells train so"),
}
LEADERBOARD = {
    "variant": CELL["variant"],
    **SPLIT,
    "architecture": CELL["architecture"],
    "exact_match": Column(float, "mean over seeds", "share"),
    "low": Column(float, "where its 95 % t interval over seeds starts", "share"),
    "high": Column(float, "where it ends", "share"),
    "seeds": Column(int, "cells", "cells"),
    "locked": Column(int, "those that lock in", "cells"),
    "locked_low": Column(float, "where the exact 95 % interval of the share of them starts", "share"),
    "locked_high": Column(float, "where it ends", "share"),
    "above": Column(int, "those above their floor", "cells"),
    "state": Column(str, "at the ceiling, at its floor, or empty: neither"),
    "routes": Column(str, "by which routes its cells recall, each k of n; empty where that is not measured"),
    **{name: (_MODEL | _QUERIES | _BASELINES | _COST)[name] for name in SHARED},
    **{name: replace((_BASELINES | _ACCURACY | _COST)[name], type=float) for name in MEANS},  # means over seeds
    "steps_to_half": Column(
        float,
        "until a cell locks in on valid, for good; median over seeds, infinite: half of them do not; on `test` alone",
        "steps",
    ),
}
ORDER = {
    **{name: LEADERBOARD[name] for name in ("variant", "architecture", "family", "steps", "steps_to_half")},
    "exact_match": Column(float, "on test, mean over seeds", "share"),
    "tokens_to_half": Column(float, "shown until then", "tokens"),
    "seconds_to_half": Column(float, "trained until then", "s"),
}
COST = {
    **{name: LEADERBOARD[name] for name in ("variant", "architecture", "family", "d_model", "parameters")},
    **{name: LEADERBOARD[name] for name in ("flops_per_token", "processor_seconds", "tokens_per_second")},
    "peak_memory_bytes": LEADERBOARD["peak_memory_bytes"],
    "exact_match": ORDER["exact_match"],
}
TABLES = [
    Table(
        "cells",
        (),
        scores,
        "Every cell on every test split: exact match, its floor, whether it locked in, and what it cost.",
        columns=CELLS,
        reads=lambda study: [path for file in ("metrics.json", "predictions.parquet") for path in reading(file)(study)],
    ),
    Table(
        "slices",
        (),
        slices,
        "Every cell on every test split, by a property of the query: exact match of each slice.",
        columns=SLICES,
        reads=reading("metrics.json"),
    ),
    Table(
        "learning",
        (),
        learning,
        "Every cell during training, at the steps where it was evaluated.",
        columns=LEARNING,
        reads=reading("history.parquet"),
    ),
    Table(
        "tuning",
        (),
        tuning,
        "Every trial: what it tried, what came of it on valid, whether it was chosen, and what the choice rests on.",
        columns=TUNING,
        reads=choices,
    ),
    Table(
        "leaderboard",
        ("cells", "learning"),
        lambda study, cells, learning, verdicts=None: leaderboard(cells, learning, verdicts),
        "Exact match: mean over the seeds with its 95 % t interval, and how many of the seeds lock in: get halfway "
        "from the floor to 1 or further. Bold: all of them. Order is tested in the table of contrasts alone.",
        columns=LEADERBOARD,
        latex=latex.leaderboard,
        wants=("verdicts",),
    ),
    Table(
        "learning_order",
        ("leaderboard", "learning"),
        lambda study, leaderboard, learning: learning_order(leaderboard, learning),
        "Steps until a cell locks in on valid, for good: halfway from its floor to 1. Median of the seeds; > n: not "
        "in the n steps that it was given.",
        columns=ORDER,
        latex=latex.learning_order,
    ),
    Table(
        "cost",
        ("leaderboard",),
        lambda study, leaderboard: costs(leaderboard),
        "What a cell costs: forward pass by formula, training as measured.",
        columns=COST,
        latex=latex.costs,
    ),
]
