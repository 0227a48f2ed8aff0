"""What was predicted before training beside what was measured: bounds of exact match, and the best position.

Predictions come from rule `predict` (see `data/prediction.py`), which has seen no trained cell. A cell is above its
bound if it exceeds it by more than sampling allows; the best position is a hit if no other ends more than `TIE` above
it, and stands beside the baseline that always says the middle layer.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from lolameme.base.files import read_frame
from lolameme.data.prediction import without_position
from lolameme.drawing.panels import nothing, panels
from lolameme.drawing.style import QUIET, colours, markers
from lolameme.reporting.recall import recalled
from lolameme.study.architectures import label
from lolameme.study.config import Study
from lolameme.study.exhibits import Figure, Table

TIE = 0.02  # exact match by which positions must differ to be told apart
NEAR = 0.03  # exact match within which a bound counts as reached
ERRORS = 3  # standard errors that a cell may exceed its bound by
KEYS = ["variant", "split", "architecture"]


def scored(study: Study, cells: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and test split: exact match beside the bound of its world, which the account set before."""
    predicted = read_frame(study.paths.predictions)
    measured = cells[[*KEYS, "seed", "queries", "exact_match"]].assign(world=cells["seed"].map(study.world_of))
    table = measured.merge(predicted, how="left", on=[*KEYS, "world"]).drop(columns="world")
    spare = np.sqrt(table["error"] ** 2 + table["bound"] * (1 - table["bound"]) / table["queries"])
    table["below"] = table["bound"] - table["exact_match"]
    table["above"] = table["below"] < -ERRORS * spare
    return table


def bounds(study: Study, predicted_cells: pd.DataFrame) -> pd.DataFrame:
    """One row per variant, split and architecture with a bound: what its cells reached, and how many exceeded it."""
    bounded = predicted_cells[predicted_cells["bound"].notna() & (predicted_cells["looked_up"] > 0)]
    groups = bounded.groupby(KEYS, sort=False)
    table = groups.agg(
        route=("route", "first"),
        reach=("reach", "first"),
        needed=("needed", "max"),
        bound=("bound", "mean"),
        exact_match=("exact_match", "mean"),
        lowest=("exact_match", "min"),
        highest=("exact_match", "max"),
        cells=("exact_match", "size"),
        above=("above", "sum"),
    )
    table["reached"] = (bounded["below"] < NEAR).groupby([bounded[key] for key in KEYS], sort=False).sum()
    return table.reset_index()


def positions(study: Study, predicted_cells: pd.DataFrame) -> pd.DataFrame:
    """One row per variant and family with a predicted position: how that one, the middle and the best ended on test.

    `lost` is the exact match by which a choice ended below the best position.
    """
    test = predicted_cells[predicted_cells["split"] == "test"]
    family = test["architecture"].map(without_position)
    rows = []
    for (variant, name), group in test.groupby(["variant", family], sort=False):
        means = group.groupby("architecture")["exact_match"].mean()
        chosen = {which: group.loc[group[which], "architecture"].unique() for which in ("best", "middle")}
        if not all(map(len, chosen.values())):
            continue
        (predicted,), (middle,) = chosen["best"], chosen["middle"]
        row = {"variant": variant, "family": name, "predicted": predicted, "middle": middle, "best": means.idxmax()}
        row |= {"exact_match": means[predicted], "of_middle": means[middle], "of_best": means.max()}
        row |= {"lost": means.max() - means[predicted], "lost_by_middle": means.max() - means[middle]}
        rows.append(row | {"hit": row["lost"] <= TIE, "middle_hits": row["lost_by_middle"] <= TIE})
    columns = ["variant", "family", "predicted", "middle", "best", "exact_match", "of_middle", "of_best"]
    return pd.DataFrame(rows, columns=[*columns, "lost", "lost_by_middle", "hit", "middle_hits"])


def draw(study: Study, predicted_cells: pd.DataFrame, **_: pd.DataFrame) -> Drawing:
    """Every cell's exact match against its bound: nothing should lie above the line."""
    rows = predicted_cells[predicted_cells["bound"].notna() & (predicted_cells["looked_up"] > 0)]
    if rows.empty:
        return nothing("No stack of this study has a bound.")
    names = list(rows["architecture"].unique())
    palette, shapes = colours(names), markers(names)
    variants = list(rows["variant"].unique())
    figure, axes = panels(variants, height=3.4)
    for ax, variant in zip(axes, variants, strict=True):
        ax.fill_between([0, 1], [0, 1], 1, color=QUIET, alpha=0.12, linewidth=0)
        ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
        for name, group in rows[rows["variant"] == variant].groupby("architecture", sort=False):
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
    study: Study, predictions: pd.DataFrame, predicted_positions: pd.DataFrame, **_: pd.DataFrame
) -> list[str]:
    """What became of the predictions, with all misses."""
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
            f"Where names lie out of reach, {below['reached'].sum()} of {below['cells'].sum()} end within {NEAR} of "
            "the bound."
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
    return found


def _predicts(study: Study) -> bool:
    return bool(recalled(study))


TABLES = [
    Table(
        "predicted_cells",
        ("cells",),
        scored,
        "Every cell on every test split beside what was predicted of it before training.",
        when=_predicts,
        reads=lambda study: [study.paths.predictions],
    ),
    Table(
        "predictions",
        ("predicted_cells",),
        bounds,
        "Exact match beside the bound that the account set before training: the best guesser that sees as many tokens "
        "back as the stack's short filter. Above: cells that exceed it by more than three standard errors.",
        when=_predicts,
    ),
    Table(
        "predicted_positions",
        ("predicted_cells",),
        positions,
        "The position predicted before training, the middle one and the one that ended best, with exact match on test.",
        when=_predicts,
    ),
]
FIGURES = [
    Figure(
        "predicted",
        ("predicted_cells", "predictions", "predicted_positions"),
        draw,
        lambda study: (
            "Predicted before training: exact match of every cell against its bound, which follows from the data and "
            f"the taps of its short filter alone; {study.counted_seeds}. Strong: the test split; pale: the other "
            "splits. Nothing should lie in the grey; stacks without a bound are not shown."
        ),
        section="Predicted before training",
        when=_predicts,
        variants=lambda study: list(recalled(study)),
        says=sentences,
    )
]
