"""Tidy tables of a study, from the files of its cells alone."""

from pathlib import Path
from typing import Any

import pandas as pd

from lolameme import config
from lolameme.evaluation.bootstrap import interval
from lolameme.files import atomic, read_json
from lolameme.models import architectures

KEYS = ["variant", "architecture", "seed"]
FAMILIES = ("gpt2", "hyena", "thex")  # those of the paper

CEILING = 0.98  # exact match from which on a task tells architectures apart no more
MASTERED = 0.01  # loss on training programs, nats per token, from which on they count as learned

# What the paper reports (arXiv 2406.02592, as summarised in the project's README), beside what this study measures.
CLAIMS = (
    {
        "claim": "C1",
        "text": "expressions with global variables",
        "variants": ("globals_locals", "expressions"),
        "paper": {"gpt2": 0.007, "hyena": 0.14, "thex": 0.36},
        "best": "T HEX-12 of 18",
    },
    {
        "claim": "C2",
        "text": "several languages at once",
        "variants": ("multi_language",),
        "paper": {"gpt2": 0.249, "hyena": 0.492, "thex": 0.738},
        "best": "T HEX-13 of 18",
    },
    {
        "claim": "C3",
        "text": "memorisation: Hyena far ahead of GPT-2, until it collapses at 1000 variables",
        "variants": ("memorize-10", "memorize-30", "memorize-100", "memorize-300", "memorize-1000"),
        "paper": {},
        "best": "Hyena",
    },
    {
        "claim": "C4",
        "text": "the best place for the attention layer depends on the task",
        "variants": None,
        "paper": {},
        "best": "middle to late layers of 18",
    },
    {
        "claim": "C5",
        "text": "training loss 0 and yet exact match 0 (T HEX-11 to 15 on one task, unexplained)",
        "variants": None,
        "paper": {},
        "best": "-",
    },
)


def cells(study: config.Study, folder: Path) -> list[tuple[dict[str, Any], Path]]:
    """Identity and folder of every cell of a study."""
    return [
        (dict(zip(KEYS, (variant, architecture, seed), strict=True)), folder / variant / architecture / f"seed{seed}")
        for variant in study.variants
        for architecture in study.stacks
        for seed in study.seeds
    ]


def scores(study: config.Study, folder: Path) -> pd.DataFrame:
    """One row per cell and test split: exact match, its baselines, and what the cell cost."""
    rows = []
    for identity, path in cells(study, folder):
        metrics = read_json(path / "metrics.json")
        name = identity["architecture"]
        shared = {
            "family": architectures.family(name),
            "positions": "+".join(map(str, architectures.positions(name))),
            "mixers": " ".join(metrics["mixers"]),
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


def slices(study: config.Study, folder: Path) -> pd.DataFrame:
    """One row per cell, test split, column and value: exact match of that slice."""
    rows = [
        identity | {"split": split, "column": column, "value": value} | result
        for identity, path in cells(study, folder)
        for split, metrics in read_json(path / "metrics.json")["splits"].items()
        for column, values in metrics["slices"].items()
        for value, result in values.items()
    ]
    return pd.DataFrame(rows, columns=[*KEYS, "split", "column", "value", "queries", "exact_match"])


def learning(study: config.Study, folder: Path) -> pd.DataFrame:
    """The training histories of all cells."""
    return pd.concat(
        [pd.read_parquet(path / "history.parquet").assign(**identity) for identity, path in cells(study, folder)],
        ignore_index=True,
    )


def leaderboard(study: config.Study, folder: Path, scored: pd.DataFrame, learned: pd.DataFrame) -> pd.DataFrame:
    """One row per variant, test split and architecture: mean exact match with its interval, and steps to halfway.

    `best` marks the highest mean and all that are not told apart from it, their intervals overlapping.
    """
    halfway = steps_to_halfway(scored, learned)
    rows = []
    for (variant, architecture), group in scored.groupby(["variant", "architecture"], sort=False):
        paths = [
            path
            for identity, path in cells(study, folder)
            if (identity["variant"], identity["architecture"]) == (variant, architecture)
        ]
        predictions = pd.concat(
            [
                pd.read_parquet(path / "predictions.parquet", columns=["split", "program", "exact_match"]).assign(
                    seed=i
                )
                for i, path in enumerate(paths)
            ]
        )
        for split, of_split in group.groupby("split", sort=False):
            mean, low, high = interval(predictions[predictions["split"] == split])
            first = of_split.iloc[0]
            rows.append(
                {
                    "variant": variant,
                    "split": split,
                    "architecture": architecture,
                    "family": first["family"],
                    "positions": first["positions"],
                    "exact_match": mean,
                    "low": low,
                    "high": high,
                    "seeds": len(of_split),
                    "queries": first["queries"],
                    **{
                        key: first[key]
                        for key in (
                            "chance",
                            "majority",
                            "value_share",
                            "oracle",
                            "baseline",
                            "parameters",
                            "flops_per_token",
                        )
                    },
                    "steps_to_halfway": halfway.get((variant, architecture)) if split == "test" else None,
                    "steps": first["steps"],
                    "train_seconds": of_split["train_seconds"].mean(),
                    "tokens_per_second": of_split["tokens_per_second"].mean(),
                }
            )
    table = pd.DataFrame(rows)
    top = table.loc[table.groupby(["variant", "split"])["exact_match"].idxmax()].set_index(["variant", "split"])["low"]
    table["best"] = table["high"] >= top.loc[list(zip(table["variant"], table["split"], strict=True))].to_numpy()
    return table


def steps_to_halfway(scored: pd.DataFrame, learned: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Steps until the valid exact match is halfway from the strongest baseline to the best of the variant.

    The median over seeds; infinite if half of the seeds never get there. Halfway from the baseline, because a plain
    half can lie below what guessing a value of the program reaches.
    """
    valid = learned[learned["split"] == "valid"]
    found = {}
    for variant, curves in valid.groupby("variant"):
        test = scored[(scored["variant"] == variant) & (scored["split"] == "test")]
        goal = (test["baseline"].max() + curves["exact_match"].max()) / 2
        for architecture, group in curves.groupby("architecture"):
            reached = group[group["exact_match"] >= goal].groupby("seed")["step"].min()
            steps = reached.reindex(group["seed"].unique()).fillna(float("inf"))
            found[variant, architecture] = float(steps.median())
    return found


def claims(board: pd.DataFrame, learned: pd.DataFrame) -> pd.DataFrame:
    """The paper's claims with its numbers and ours, and what ours say.

    Ours are the best of a family on the test split of the matching variants. The verdict is about the order of the
    families only: these models and data are far smaller than the paper's.
    """
    test = board[board["split"] == "test"]
    rows = []
    for claim in CLAIMS:
        told = {"claim": claim["claim"], "about": claim["text"], "paper_best": claim["best"]}
        told |= {f"paper_{family}": claim["paper"].get(family) for family in FAMILIES}
        nothing = {"variant": None} | {f"ours_{family}": None for family in FAMILIES}
        if claim["variants"] is None:
            verdict = position_verdict(test) if claim["claim"] == "C4" else gap_verdict(board, learned)
            rows.append(told | nothing | {"variant": "all variants", "verdict": verdict})
            continue
        found = [variant for variant in claim["variants"] if variant in set(test["variant"])]
        for variant in found:
            mine = test[test["variant"] == variant]
            ours = mine.loc[mine.groupby("family")["exact_match"].idxmax()].set_index("family")
            values = {f"ours_{family}": ours["exact_match"].get(family) for family in FAMILIES}
            verdict = memory_verdict(ours) if claim["claim"] == "C3" else order_verdict(ours)
            rows.append(told | {"variant": variant} | values | {"verdict": verdict})
        if not found:
            rows.append(told | nothing | {"verdict": "not tested in this study"})
    return pd.DataFrame(rows)


def order_verdict(ours: pd.DataFrame) -> str:
    """Is T HEX ahead of Hyena, and Hyena of GPT-2? Only intervals that do not overlap tell two apart."""
    if not {"gpt2", "hyena", "thex"} <= set(ours.index):
        return "not testable: a family is missing"
    if ours["exact_match"].min() >= CEILING:
        return "not testable here: all families are at the ceiling"
    pairs = [("thex", "hyena"), ("hyena", "gpt2"), ("thex", "gpt2")]
    found = [compare(ours.loc[a], ours.loc[b]) for a, b in pairs]
    words = [f"{label(a)} {standing} {label(b)}" for (a, b), standing in zip(pairs, found, strict=True)]
    if found[:2] == ["ahead of", "ahead of"]:
        return f"same order: {'; '.join(words[:2])}"
    if "behind" in found:
        return f"another order: {'; '.join(words)}"
    return f"{'same order in part' if 'ahead of' in found else 'no order'}: {'; '.join(words)}"


def memory_verdict(ours: pd.DataFrame) -> str:
    """Does Hyena memorise more, or sooner, than GPT-2?"""
    if not {"gpt2", "hyena"} <= set(ours.index):
        return "not testable: a family is missing"
    hyena, gpt2 = ours.loc["hyena"], ours.loc["gpt2"]
    speed = f"halfway after {steps(hyena['steps_to_halfway'])} steps against {steps(gpt2['steps_to_halfway'])}"
    return f"Hyena {compare(hyena, gpt2)} GPT-2; {speed}"


def position_verdict(test: pd.DataFrame) -> str:
    """Which position of the swapped layer is best for each task, and whether that is clear."""
    swapped = test[test["positions"] != ""]
    words = []
    for variant, group in swapped.groupby("variant", sort=False):
        if len(group) > 1:
            first, second = (row for _, row in group.nlargest(2, "exact_match").iterrows())
            words.append(
                f"{variant}: {label(first['architecture'])} {compare(first, second)} {label(second['architecture'])}"
            )
    return "; ".join(words) if words else "not testable: one position only"


def gap_verdict(board: pd.DataFrame, learned: pd.DataFrame) -> str:
    """How exact match falls, from test to the other splits, where the training programs are mastered."""
    last = learned[learned["step"] == learned.groupby(KEYS)["step"].transform("max")]
    loss = last[last["split"] == "train sample"].groupby(["variant", "architecture"])["loss"].max()
    mastered = board.set_index(["variant", "architecture"]).loc[list(loss[loss < MASTERED].index)].reset_index()
    if mastered.empty:
        return f"not testable: no architecture gets below a training loss of {MASTERED} with all seeds"
    test, worst = mastered[mastered["split"] == "test"], mastered.loc[mastered["exact_match"].idxmin()]
    words = (
        f"{len(test)} of {len(loss)} pairs of task and architecture get below a training loss of {MASTERED}; there, "
        f"exact match on test is {at_least(test['exact_match'].min(), 2)}"
    )
    if worst["split"] == "test":
        return words
    place = f"{worst['variant']} · {worst['split']}, {label(worst['architecture'])}"
    return f"{words}, but falls to {worst['exact_match']:.2f} on another split ({place})"


def compare(a: pd.Series, b: pd.Series) -> str:
    """`ahead of`, `behind` or `not told apart from`, by whether the intervals overlap."""
    if a["low"] > b["high"]:
        return "ahead of"
    return "behind" if a["high"] < b["low"] else "not told apart from"


def label(architecture: str) -> str:
    """An architecture, or a family, as people write it: GPT-2, Hyena, T HEX-2, XEHT, or its mixers."""
    swapped = "".join(f"-{k}" for k in ["+".join(map(str, architectures.positions(architecture)))] if k)
    names = {"gpt2": "GPT-2", "thex": f"T HEX{swapped}", "xeht": f"XEHT{swapped}"}
    short = {"attention": "Attn", "linear-attention": "LinAttn"}
    plain = "+".join(short.get(mixer, mixer.capitalize()) for mixer in architecture.split("."))
    return names.get(architectures.family(architecture), plain)


def at_least(value: float, digits: int) -> str:
    """A least exact match: `0.99 or more`, or `1.00` where no more is possible."""
    written = f"{value:.{digits}f}"
    return written if float(written) == 1 else f"{written} or more"


def steps(value: float | None) -> str:
    """A number of steps, or `never`."""
    return "never" if value is None or value == float("inf") else f"{value:.0f}"


def write(table: pd.DataFrame, stem: Path) -> None:
    """Write a table as Parquet and as CSV."""
    with atomic(stem.with_suffix(".parquet")) as path:
        table.to_parquet(path, index=False)
    with atomic(stem.with_suffix(".csv")) as path:
        table.to_csv(path, index=False, float_format="%.6g")
