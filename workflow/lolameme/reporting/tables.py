"""The tidy tables of a study, from the files of its cells alone."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lolameme.base.files import atomic, read_frame, read_json, write_frame
from lolameme.reporting import latex
from lolameme.statistics.outcomes import Outcomes, corrected, difference, interval
from lolameme.study import architectures, config
from lolameme.study.architectures import label
from lolameme.study.exhibits import Table

KEYS = ["variant", "architecture", "seed"]

SHARED = (  # what all seeds of an architecture have in common
    "family",
    "positions",
    "queries",
    "chance",
    "majority",
    "value_share",
    "oracle",
    "baseline",
    "parameters",
    "flops_per_token",
    "d_model",
    "learning_rate",
    "weight_decay",
    "steps",
)
MEANS = ("token_accuracy", "loss", "train_seconds", "tokens_per_second", "peak_memory_bytes")  # over the seeds
SIGNIFICANT = 0.05  # corrected p value below which two architectures count as told apart
CEILING = 0.98  # exact match from which on a task tells architectures apart no more


def cells(study: config.Study) -> list[tuple[dict[str, Any], Path]]:
    """Identity and folder of every cell of a study."""
    return [
        (dict(zip(KEYS, (variant, architecture, seed), strict=True)), study.paths.cell(variant, architecture, seed))
        for variant in study.variants
        for architecture in study.stacks
        for seed in study.seeds
    ]


def reading(file: str) -> Callable[[config.Study], list[Path]]:
    """What a table reads that is made of one file of every cell."""
    return lambda study: [folder / file for _, folder in cells(study)]


def scores(study: config.Study) -> pd.DataFrame:
    """One row per cell and test split: exact match, its baselines, and what the cell cost."""
    rows = []
    for identity, path in cells(study):
        metrics = read_json(path / "metrics.json")
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
            "tokens_per_second": metrics["cost"]["tokens"] / metrics["cost"]["train_seconds"],
            "device": metrics["device"],
            "precision": metrics["precision"],
            "attention": metrics["attention"],
            "data": metrics["data"],
            "code": metrics["code"]["sources"],
        }
        for split, result in metrics["splits"].items():
            measured = {key: result[key] for key in ("queries", "exact_match", "token_accuracy", "loss")}
            rows.append(identity | {"split": split} | measured | result["baselines"] | shared)
    table = pd.DataFrame(rows)
    table["baseline"] = table[["chance", "majority", "value_share"]].astype(float).max(axis=1)
    return table


def slices(study: config.Study) -> pd.DataFrame:
    """One row per cell, test split, column and value: exact match of that slice."""
    rows = [
        identity | {"split": split, "column": column, "value": value} | result
        for identity, path in cells(study)
        for split, metrics in read_json(path / "metrics.json")["splits"].items()
        for column, values in metrics["slices"].items()
        for value, result in values.items()
    ]
    return pd.DataFrame(rows, columns=[*KEYS, "split", "column", "value", "queries", "exact_match"])


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


def outcomes(study: config.Study) -> dict[tuple[str, str], dict[str, Outcomes]]:
    """What every architecture got right on every test split: by variant and split, then by architecture."""
    found: dict[tuple[str, str], dict[str, Outcomes]] = {}
    for variant, architecture in itertools.product(study.variants, study.stacks):
        hits: dict[str, list[np.ndarray]] = {}
        queries = {}
        for seed in study.seeds:
            cell = study.paths.cell(variant, architecture, seed)
            for split, (right, queries[split]) in answers(cell).items():
                hits.setdefault(split, []).append(right)
        for split, of_seeds in hits.items():
            found.setdefault((variant, split), {})[architecture] = Outcomes(np.stack(of_seeds), queries[split])
    return found


def comparisons(answered: dict[tuple[str, str], dict[str, Outcomes]]) -> pd.DataFrame:
    """Every ordered pair of architectures on every test split: their difference, its interval, its p values.

    `p_corrected` and `p_models_corrected` are corrected for all pairs of the split (Holm).
    """
    tables = []
    for (variant, split), made in answered.items():
        pairs = list(itertools.combinations(made, 2))
        found = [difference(made[a], made[b]) for a, b in pairs]
        rows = pd.DataFrame(
            {
                "variant": variant,
                "split": split,
                "architecture": [a for a, _ in pairs],
                "other": [b for _, b in pairs],
                "difference": [d.mean for d in found],
                "low": [d.low for d in found],
                "high": [d.high for d in found],
                "p": [d.p for d in found],
                "p_corrected": corrected(np.array([d.p for d in found])),
                "p_models_corrected": corrected(np.array([d.p_models for d in found])),
                "separated": [d.separated for d in found],
            }
        )
        turned = rows.rename(columns={"architecture": "other", "other": "architecture"}).assign(
            difference=-rows["difference"], low=-rows["high"], high=-rows["low"]
        )
        tables += [rows, turned[rows.columns]]
    return pd.concat(tables, ignore_index=True)


HIGHER, LOWER = ("ahead of", "above"), ("behind", "below")  # words of `Standings`


class Standings:
    """Which architecture stands above which, in one of five words, by the comparisons.

    `ahead of` and `behind`: the difference holds for other seeds, too. `above` and `below`: it holds for the trained
    models, and in every seed, but these are too few to speak of others. Else `not told apart from`.
    """

    def __init__(self, compared: pd.DataFrame):
        keys = zip(*(compared[key] for key in ("variant", "split", "architecture", "other")), strict=True)
        sure = compared["p_corrected"] < SIGNIFICANT
        seen = compared["separated"] & (compared["p_models_corrected"] < SIGNIFICANT)
        higher = compared["difference"] > 0
        words = np.select(
            [sure & higher, sure, seen & higher, seen],
            ["ahead of", "behind", "above", "below"],
            "not told apart from",
        )
        self.words = dict(zip(keys, words.tolist(), strict=True))

    def compare(self, a: pd.Series, b: pd.Series) -> str:
        """The word for two rows of the leaderboard."""
        return self.words[a["variant"], a["split"], a["architecture"], b["architecture"]]

    def phrase(self, a: pd.Series, b: pd.Series, of: str = "architecture") -> str:
        """Two rows of the leaderboard as in `Hyena ahead of GPT-2`, by architecture or family."""
        word = self.compare(a, b)
        every = " in every seed" if word in ("above", "below") else ""
        return f"{label(a[of])} {word} {label(b[of])}{every}"


def ended(learned: pd.DataFrame) -> pd.Series:
    """Exact match on valid at the end of training, mean over seeds, by variant and architecture."""
    last = learned["step"] == learned.groupby(KEYS)["step"].transform("max")
    valid = learned[last & (learned["split"] == "valid")]
    return valid.groupby(["variant", "architecture"])["exact_match"].mean()


def best_pure(learned: pd.DataFrame) -> dict[str, str]:
    """The pure stack of each variant that ended best on valid: what swapped layers must beat."""
    means = ended(learned)
    pure = means[means.index.get_level_values("architecture").isin(architectures.PURE)]
    return {variant: of_variant.idxmax()[1] for variant, of_variant in pure.groupby(level="variant")}


def leaderboard(
    answered: dict[tuple[str, str], dict[str, Outcomes]],
    scored: pd.DataFrame,
    learned: pd.DataFrame,
    compared: pd.DataFrame,
) -> pd.DataFrame:
    """One row per variant, test split and architecture: mean exact match with its interval, and steps to halfway.

    `best` marks the highest mean and all that are not told apart from it, for other seeds or these. `pure` is the best
    pure stack of the variant, chosen on valid; `over_pure` with its interval and `p_over_pure` compare with it
    (Holm-corrected for the architectures of the split).
    """
    halfway, pure, standings = steps_to_halfway(scored, learned), best_pure(learned), Standings(compared)
    cells = dict(list(scored.groupby(["variant", "split", "architecture"])))
    tables = []
    for (variant, split), made in answered.items():
        rows = []
        for architecture, outcome in made.items():
            mine = cells[variant, split, architecture]
            mean, low, high = interval(outcome)
            measured = {"exact_match": mean, "low": low, "high": high, "seeds": len(mine)}
            halved = halfway.get((variant, architecture)) if split == "test" else None
            means = {key: mine[key].mean() for key in MEANS}
            shared = mine.iloc[0][list(SHARED)].to_dict()
            rows.append(
                {"variant": variant, "split": split, "architecture": architecture}
                | measured
                | shared
                | means
                | {"steps_to_halfway": halved, "pure": pure.get(variant)}
            )
        table = pd.DataFrame(rows)
        leader = table.loc[table["exact_match"].idxmax()]
        table["best"] = [
            row["architecture"] == leader["architecture"] or standings.compare(leader, row) == "not told apart from"
            for _, row in table.iterrows()
        ]
        of_split = compared[(compared["variant"] == variant) & (compared["split"] == split)]
        against = of_split[of_split["other"] == pure.get(variant)].set_index("architecture")
        against["p"] = corrected(against["p"].to_numpy())
        renamed = {"difference": "over_pure", "low": "over_pure_low", "high": "over_pure_high", "p": "p_over_pure"}
        tables.append(table.join(against[list(renamed)].rename(columns=renamed), on="architecture"))
    return pd.concat(tables, ignore_index=True)


def choices(study: config.Study) -> list[Path]:
    """Where it stands which trial was chosen, for every variant and architecture of a study that tunes."""
    tuned = itertools.product(study.variants, study.stacks if study.tuning else ())
    return [study.paths.trials(variant, architecture) / "choice.json" for variant, architecture in tuned]


def tuning(study: config.Study) -> pd.DataFrame:
    """One row per variant, architecture and trial: what it tried, what came of it on valid, whether it was chosen."""
    rows = []
    for path in choices(study):
        choice = read_json(path)
        identity = {"variant": path.parts[-3], "architecture": path.parts[-2]}
        rows += [identity | trial | {"chosen": trial["trial"] == choice["chosen"]} for trial in choice["trials"]]
    tried = ["trial", "learning_rate", "weight_decay", "steps", "exact_match", "loss", "diverged", "chosen"]
    return pd.DataFrame(rows, columns=["variant", "architecture", *tried])


def costs(board: pd.DataFrame) -> pd.DataFrame:
    """What each architecture costs on each variant, and what it reaches."""
    keys = ["variant", "architecture", "family", "d_model", "parameters", "flops_per_token", "train_seconds"]
    keys += ["tokens_per_second", "peak_memory_bytes", "exact_match"]
    return board.loc[board["split"] == "test", keys].reset_index(drop=True)


def learning_order(board: pd.DataFrame, learned: pd.DataFrame) -> pd.DataFrame:
    """Steps, tokens and seconds until halfway, from the soonest to the latest of each variant."""
    test = board.loc[board["split"] == "test", ["variant", "architecture", "family", "steps_to_halfway", "exact_match"]]
    per_step = learned[learned["step"] > 0].assign(
        tokens=lambda rows: rows["tokens"] / rows["step"], seconds=lambda rows: rows["seconds"] / rows["step"]
    )
    last = per_step[per_step["step"] == per_step.groupby(KEYS)["step"].transform("max")]
    pace = last.groupby(["variant", "architecture"])[["tokens", "seconds"]].mean().add_suffix("_to_halfway")
    joined = test.join(pace, on=["variant", "architecture"])
    for what in ("tokens", "seconds"):
        joined[f"{what}_to_halfway"] *= joined["steps_to_halfway"]
    order = joined["variant"].map({name: i for i, name in enumerate(test["variant"].unique())})
    return (
        joined.assign(order=order)
        .sort_values(["order", "steps_to_halfway"])
        .drop(columns="order")
        .reset_index(drop=True)
    )


def halfway(test: pd.DataFrame, curves: pd.DataFrame) -> float:
    """The exact match on valid that is halfway from the strongest baseline of a variant to its best.

    `test` are its rows on test, `curves` its histories on valid. Halfway from the baseline, because a plain half can
    lie below what guessing a value of the program reaches.
    """
    return (test["baseline"].max() + curves["exact_match"].max()) / 2


def steps_to_halfway(scored: pd.DataFrame, learned: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Steps until the valid exact match is halfway: the median over seeds, infinite if half of them never get there."""
    valid = learned[learned["split"] == "valid"]
    found = {}
    for variant, curves in valid.groupby("variant"):
        test = scored[(scored["variant"] == variant) & (scored["split"] == "test")]
        goal = halfway(test, curves)
        for architecture, group in curves.groupby("architecture"):
            reached = group[group["exact_match"] >= goal].groupby("seed")["step"].min()
            steps = reached.reindex(group["seed"].unique()).fillna(float("inf"))
            found[variant, architecture] = float(steps.median())
    return found


def write(table: pd.DataFrame, stem: Path) -> None:
    """Write a table as Parquet and as CSV."""
    write_frame(stem.with_suffix(".parquet"), table)
    with atomic(stem.with_suffix(".csv")) as path:
        table.to_csv(path, index=False, float_format="%.6g")


def _compared(study: config.Study) -> pd.DataFrame:
    return comparisons(outcomes(study))


def _leaderboard(
    study: config.Study, cells: pd.DataFrame, learning: pd.DataFrame, comparisons: pd.DataFrame
) -> pd.DataFrame:
    return leaderboard(outcomes(study), cells, learning, comparisons)


TABLES = [
    Table(
        "cells",
        (),
        scores,
        "Every cell on every test split: exact match, its baselines, and what the cell cost.",
        reads=reading("metrics.json"),
    ),
    Table(
        "slices",
        (),
        slices,
        "Every cell on every test split, by a property of the query: exact match of each slice.",
        reads=reading("metrics.json"),
    ),
    Table(
        "learning",
        (),
        learning,
        "Every cell during training, at the steps where it was evaluated.",
        reads=reading("history.parquet"),
    ),
    Table(
        "tuning",
        (),
        tuning,
        "Every trial: what it tried, what came of it on valid, and whether it was chosen.",
        reads=choices,
    ),
    Table(
        "comparisons",
        (),
        _compared,
        "Every ordered pair of architectures on every test split: difference, 95 % interval, p values (Holm).",
        reads=reading("predictions.parquet"),
    ),
    Table(
        "leaderboard",
        ("cells", "learning", "comparisons"),
        _leaderboard,
        "Exact match: mean over the seeds with a 95 % bootstrap interval over seeds and programs. Bold: the best of a "
        "row, and all not told apart from it.",
        latex=latex.leaderboard,
        reads=reading("predictions.parquet"),
    ),
    Table(
        "learning_order",
        ("leaderboard", "learning"),
        lambda study, leaderboard, learning: learning_order(leaderboard, learning),
        "Steps until exact match on valid is halfway from the strongest baseline to the best of the task.",
        latex=latex.learning_order,
    ),
    Table(
        "cost",
        ("leaderboard",),
        lambda study, leaderboard: costs(leaderboard),
        "What a cell costs: forward pass by formula, training as measured.",
        latex=latex.costs,
    ),
]
