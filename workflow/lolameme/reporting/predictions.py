"""What was predicted before training beside what was measured: bounds of exact match, and the best position.

Predictions come from rule `predict` (see `data/prediction.py`), which has seen no trained cell. All accounts are scored
by one rule. A cell is above its bound if it exceeds it by more than sampling allows; else it reaches the bound if it
ends less than `NEAR` below it. The best position is a hit if no other ends more than `TIE` above it, and stands beside
the baseline that always says the middle layer. The curve of the study shows the bounds of the first account.
"""

import itertools

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from lolameme.base.files import read_frame
from lolameme.data import prediction
from lolameme.data.accounts import ACCOUNTS, FIRST
from lolameme.data.prediction import TIE, without_position
from lolameme.drawing.panels import nothing, panels
from lolameme.drawing.style import QUIET, colours, markers
from lolameme.reporting.recall import recalled
from lolameme.study.architectures import label
from lolameme.study.config import Study
from lolameme.study.exhibits import CELL, Column, Figure, Table

NEAR = 0.03  # exact match below a bound within which it counts as reached
ERRORS = 3  # standard errors that a cell may exceed its bound by
KEYS = ["account", "variant", "split", "architecture"]
MIDDLE = "always the middle layer"  # the baseline, which bounds nothing


def scored(study: Study, cells: pd.DataFrame) -> pd.DataFrame:
    """One row per account, cell and test split: exact match beside the bound of its world, which was set before."""
    predicted = read_frame(study.paths.predictions)
    keys = ["variant", "split", "architecture"]
    measured = cells[[*keys, "seed", "queries", "exact_match"]].assign(world=cells["seed"].map(study.world_of))
    table = predicted.merge(measured, on=[*keys, "world"]).drop(columns="world")
    spare = np.sqrt(table["error"] ** 2 + table["bound"] * (1 - table["bound"]) / table["queries"])
    table["below"] = table["bound"] - table["exact_match"]
    table["above"] = table["below"] < -ERRORS * spare
    return table


def _bounded(predicted_cells: pd.DataFrame) -> pd.DataFrame:
    """Those cells and splits for which an account sets a bound, and something is looked up."""
    return predicted_cells[predicted_cells["bound"].notna() & (predicted_cells["looked_up"] > 0)]


def reached(bounded: pd.DataFrame) -> pd.Series:
    """Which cells end within `NEAR` below their bound, or above it by no more than sampling allows."""
    return (bounded["below"] < NEAR) & ~bounded["above"]


def bounds(study: Study, predicted_cells: pd.DataFrame) -> pd.DataFrame:
    """One row per account, variant, split and architecture with a bound: what its cells reached, how many exceed it."""
    bounded = _bounded(predicted_cells)
    groups = bounded.assign(reached=reached(bounded)).groupby(KEYS, sort=False)
    table = groups.agg(
        route=("route", "first"),
        window=("window", "first"),
        needed=("needed", "max"),
        bound=("bound", "mean"),
        exact_match=("exact_match", "mean"),
        lowest=("exact_match", "min"),
        highest=("exact_match", "max"),
        cells=("exact_match", "size"),
        above=("above", "sum"),
        reached=("reached", "sum"),
    )
    return table.reset_index()


def positions(study: Study, predicted_cells: pd.DataFrame) -> pd.DataFrame:
    """One row per account, variant and family of which an account names the best position: how that one, the middle and
    the best ended on test.

    `lost` is the exact match by which a choice ended below the best position.
    """
    test = predicted_cells[predicted_cells["split"] == "test"]
    family = test["architecture"].map(without_position)
    rows = []
    for (account, variant, name), group in test.groupby(["account", "variant", family], sort=False):
        means = group.groupby("architecture")["exact_match"].mean()
        chosen = {which: group.loc[group[which], "architecture"].unique() for which in ("best", "middle")}
        if not all(map(len, chosen.values())):
            continue
        (predicted,), (middle,) = chosen["best"], chosen["middle"]
        row = {"account": account, "variant": variant, "family": name}
        row |= {"predicted": predicted, "middle": middle, "best": means.idxmax()}
        row |= {"exact_match": means[predicted], "of_middle": means[middle], "of_best": means.max()}
        row |= {"lost": means.max() - means[predicted], "lost_by_middle": means.max() - means[middle]}
        rows.append(row | {"hit": row["lost"] <= TIE, "middle_hits": row["lost_by_middle"] <= TIE})
    return pd.DataFrame(rows, columns=list(POSITIONS))


def accounts(study: Study, predicted_cells: pd.DataFrame, predicted_positions: pd.DataFrame) -> pd.DataFrame:
    """One row per account, and one for the baseline: how its bounds and its best positions did.

    `cells` have a bound on test, `tight` of them one below 1 (by more than `NEAR`); `beyond` counts other splits above
    their bound, of `elsewhere`. `missed` is the mean exact match by which cells end below their bound. Positions are
    compared where every account names one, so that all have the same cases.
    """
    bounded, rows = _bounded(predicted_cells), []
    cases = ["variant", "family"]
    shared = predicted_positions.groupby(cases, sort=False)["account"].transform("nunique") == len(ACCOUNTS)
    common = predicted_positions[shared]
    for account in ACCOUNTS:
        mine, chosen = bounded[bounded["account"] == account], common[common["account"] == account]
        test, others = mine[mine["split"] == "test"], mine[mine["split"] != "test"]
        tight = test[test["bound"] < 1 - NEAR]
        row = {"account": account, "cells": len(test), "above": test["above"].sum(), "tight": len(tight)}
        row |= {"tight_reached": reached(tight).sum(), "missed": test["below"].clip(lower=0).mean()}
        row |= {"elsewhere": len(others), "beyond": others["above"].sum()}
        rows.append(row | {"positions": len(chosen), "hits": chosen["hit"].sum(), "lost": chosen["lost"].mean()})
    once = common[common["account"] == FIRST]
    middle = {"account": MIDDLE, "cells": 0, "above": 0, "tight": 0, "tight_reached": 0, "elsewhere": 0, "beyond": 0}
    middle |= {"positions": len(once), "hits": once["middle_hits"].sum(), "lost": once["lost_by_middle"].mean()}
    return pd.DataFrame([*rows, middle], columns=list(SCORED))


def draw(study: Study, predicted_cells: pd.DataFrame, **_: pd.DataFrame) -> Drawing:
    """Every cell's exact match against its bound, a row per variant and a column per account: nothing should lie above
    the line."""
    rows = _bounded(predicted_cells)
    if rows.empty:
        return nothing("No stack of this study has a bound.")
    names = list(rows["architecture"].unique())
    palette, shapes = colours(names), markers(names)
    shown = list(itertools.product(rows["variant"].unique(), ACCOUNTS))
    figure, axes = panels([f"{variant}: {account}" for variant, account in shown], per_row=len(ACCOUNTS))
    for ax, (variant, account) in zip(axes, shown, strict=True):
        ax.fill_between([0, 1], [0, 1], 1, color=QUIET, alpha=0.12, linewidth=0)
        ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
        mine = rows[(rows["variant"] == variant) & (rows["account"] == account)]
        for name, group in mine.groupby("architecture", sort=False):
            for on_test, cells in group.groupby(group["split"] == "test"):
                ax.plot(
                    cells["bound"], cells["exact_match"], marker=shapes[name], linestyle="", color=palette[name],
                    markersize=6, alpha=0.9 if on_test else 0.35,
                )  # fmt: skip
        ax.set(xlabel="bound, predicted", xlim=(0, 1.03))
        ax.text(0.03, 0.95, "out of reach", color=QUIET, fontsize=8, va="top")
    handles = [Line2D([], [], color=palette[n], marker=shapes[n], linestyle="", label=label(n)) for n in names]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 0.95), frameon=False, fontsize=8)
    figure.tight_layout()
    return figure


def sentences(
    study: Study,
    predictions: pd.DataFrame,
    predicted_positions: pd.DataFrame,
    accounts: pd.DataFrame,
    **_: pd.DataFrame,
) -> list[str]:
    """What became of the first account's predictions, with all misses; then how the others did beside it."""
    predictions = predictions[predictions["account"] == FIRST]
    predicted_positions = predicted_positions[predicted_positions["account"] == FIRST]
    below = predictions[predictions["bound"] < 1 - NEAR]
    total, above = predictions["cells"].sum(), predictions["above"].sum()
    lie = "lies" if above == 1 else "lie"
    found = [f"Of {total} exact matches with a bound from the data alone, {above} {lie} above it."]
    for row in predictions[predictions["above"] > 0].itertuples():
        found.append(
            f"Missed: {label(row.architecture)} on {row.variant}/{row.split}, up to {row.highest:.3f} where "
            f"{row.bound:.3f} was the bound ({row.above} of {row.cells} cells)."
        )
    if len(below):
        found.append(
            f"Where names lie out of reach, {below['reached'].sum()} of {below['cells'].sum()} end within {NEAR} "
            "below the bound, or above it by no more than sampling allows."
        )
    if len(predicted_positions):
        hits, middle, n = (*predicted_positions[["hit", "middle_hits"]].sum(), len(predicted_positions))
        found.append(
            f"The position predicted is the best, or within {TIE} of it, in {hits} of {n} cases; the middle layer in "
            f"{middle}."
        )
    for row in predicted_positions[~predicted_positions["hit"].astype(bool)].itertuples():
        found.append(
            f"Missed: on {row.variant}, {label(row.predicted)} was predicted and reached {row.exact_match:.3f}, "
            f"{label(row.best)} {row.of_best:.3f}."
        )
    for row in accounts[accounts["cells"] > 0].itertuples():
        found.append(
            f"By the account “{row.account}”, {row.above} of {row.cells} cells lie above their bound on test and "
            f"{row.tight_reached} of {row.tight} reach one that is below 1; they end {row.missed:.3f} below on average."
        )
    return found


def _predicts(study: Study) -> bool:
    return bool(recalled(study))


PREDICTED = prediction.PREDICTIONS
CELLS = {
    **{name: column for name, column in PREDICTED.items() if name != "world"},
    "seed": CELL["seed"],
    "queries": Column(int, "answered", "queries"),
    "exact_match": Column(float, "measured", "share"),
    "below": Column(float, "bound minus exact match", "share"),
    "above": Column(bool, f"exact match exceeds the bound by more than {ERRORS} standard errors"),
}
BOUNDS = {
    **{name: CELLS[name] for name in KEYS},
    "route": PREDICTED["route"],
    "window": PREDICTED["window"],
    "needed": Column(int, "the least reach that misses nothing, the most over worlds", "tokens"),
    "bound": Column(float, "mean over worlds", "share"),
    "exact_match": Column(float, "measured, mean over cells", "share"),
    "lowest": Column(float, "of the worst cell", "share"),
    "highest": Column(float, "of the best cell", "share"),
    "cells": Column(int, "measured", "cells"),
    "above": Column(int, f"those that exceed their bound by more than {ERRORS} standard errors", "cells"),
    "reached": Column(int, f"those within {NEAR} below their bound, or above it by no more than that", "cells"),
}
POSITIONS = {
    "account": PREDICTED["account"],
    "variant": CELL["variant"],
    "family": Column(str, "architectures that differ in the position of attention alone"),
    "predicted": Column(str, "the one whose position was predicted to be best"),
    "middle": Column(str, "the one with attention in the middle"),
    "best": Column(str, "the one that ended best on test"),
    "exact_match": Column(float, "of the predicted one on test, mean over seeds", "share"),
    "of_middle": Column(float, "of the middle one", "share"),
    "of_best": Column(float, "of the best one", "share"),
    "lost": Column(float, "that the predicted one ended below the best", "share"),
    "lost_by_middle": Column(float, "that the middle one did", "share"),
    "hit": Column(bool, f"the predicted one is the best, or within {TIE} of it"),
    "middle_hits": Column(bool, "the middle one is"),
}
SCORED = {
    "account": Column(str, f"as above, or the baseline: {MIDDLE}"),
    "cells": Column(int, "that have a bound on test", "cells"),
    "above": Column(int, "those that exceed it", "cells"),
    "tight": Column(int, f"those whose bound is below {1 - NEAR:g}", "cells"),
    "tight_reached": Column(int, f"of these, those within {NEAR} below it, as above", "cells"),
    "missed": Column(float, "exact match by which cells end below their bound, mean", "share"),
    "elsewhere": Column(int, "cells with a bound on other splits", "cells"),
    "beyond": Column(int, "those that exceed it", "cells"),
    "positions": Column(int, "families on variants for which all accounts name the best position", "cases"),
    "hits": Column(int, "of these, those in which it is right", "cases"),
    "lost": Column(float, "exact match by which it ends below the best, mean", "share"),
}
TABLES = [
    Table(
        "predicted_cells",
        ("cells",),
        scored,
        "Every cell on every test split beside what each account predicted of it before training.",
        columns=CELLS,
        when=_predicts,
        reads=lambda study: [study.paths.predictions],
    ),
    Table(
        "predictions",
        ("predicted_cells",),
        bounds,
        "Exact match beside the bound that each account set before training: the best guesser that sees as many tokens "
        "back as the account allows the stack. It rules out what was asked before only where training asks once, so it "
        "may lie below the floor. Above: cells that exceed it by more than three standard errors.",
        columns=BOUNDS,
        when=_predicts,
    ),
    Table(
        "predicted_positions",
        ("predicted_cells",),
        positions,
        "The position predicted before training, the middle one and the one that ended best, with exact match on test.",
        columns=POSITIONS,
        when=_predicts,
    ),
    Table(
        "accounts",
        ("predicted_cells", "predicted_positions"),
        accounts,
        "Accounts of what carries a name, all scored by one rule. One filter: one short filter, below the attention or "
        "in it; added up: the short filters of all layers; long filter: these, and long filters carry a name over any "
        "distance. Cells with a bound on test, how many lie above it, how many reach one below 1, what they miss it "
        "by; of other splits, how many lie above; positions of the attention layer, where all accounts name one.",
        columns=SCORED,
        when=_predicts,
    ),
]
FIGURES = [
    Figure(
        "predicted",
        ("predicted_cells", "predictions", "predicted_positions", "accounts"),
        draw,
        lambda study: (
            "Predicted before training: exact match of every cell against its bound, which follows from the data and "
            "from what each account lets a stack see: by one short filter; by the short filters of all layers, added "
            f"up; by these and long filters, over any distance ({study.counted_seeds}). "
            "Strong: the test split; pale: the other splits. Nothing should lie in the grey; stacks without a bound "
            "are not shown."
        ),
        section="Predicted before training",
        when=_predicts,
        variants=lambda study: list(recalled(study)),
        says=sentences,
    )
]
