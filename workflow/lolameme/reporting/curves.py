"""How the cells of a study learn: curves of exact match, and who locks in first."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from lolameme.drawing.panels import name_at_the_right, panels, without_binding
from lolameme.drawing.style import QUIET, colours, lines, markers
from lolameme.statistics.lock_in import censored, goal
from lolameme.study.architectures import label
from lolameme.study.config import Study
from lolameme.study.exhibits import Figure


def learning_curves(study: Study, learning: pd.DataFrame, leaderboard: pd.DataFrame) -> Drawing:
    """How exact match on `valid` grows: the mean over seeds, their range, and marks where each locks in."""
    valid = learning[learning["split"] == "valid"]
    figure, axes = panels(list(valid["variant"].unique()), height=3.4)
    names = list(valid["architecture"].unique())
    palette, shapes, styles = colours(names), markers(names), lines(names)
    for ax, (variant, group) in zip(axes, valid.groupby("variant", sort=False), strict=True):
        test = leaderboard[(leaderboard["variant"] == variant) & (leaderboard["split"] == "test")]
        without_binding(ax, test.iloc[0])
        for name, mine in group.groupby("architecture", sort=False):
            curve = mine.groupby("step")["exact_match"].agg(["mean", "min", "max"])
            ax.plot(curve.index, curve["mean"], color=palette[name], linestyle=styles[name], linewidth=1.5)
            ax.fill_between(curve.index, curve["min"], curve["max"], color=palette[name], alpha=0.12, linewidth=0)
        locked = goal(test["floor"].max())
        ax.axhline(locked, color=QUIET, linewidth=0.7, linestyle=":", zorder=0)
        for row in test[np.isfinite(test["steps_to_half"])].itertuples():
            ax.plot(
                row.steps_to_half, locked, marker=shapes[row.architecture], color=palette[row.architecture],
                markersize=7, markeredgewidth=0.4, zorder=3,
            )  # fmt: skip
        ax.set(xlabel="training step", ylabel="exact match (valid)" if ax.get_subplotspec().is_first_col() else "")
        last = group[group["step"] == group["step"].max()]
        name_at_the_right(ax, last.groupby("architecture")["exact_match"].mean(), palette)
        ax.margins(x=0)
    figure.tight_layout(w_pad=3.5)
    return figure


def learning_order(study: Study, leaderboard: pd.DataFrame) -> Drawing:
    """Who learns first: steps until the median seed locks in, halfway from the floor to 1."""
    test = leaderboard[leaderboard["split"] == "test"]
    variants = list(test["variant"].unique())
    figure, grid = plt.subplots(
        1,
        len(variants),
        figsize=(3.6 * len(variants), 0.42 * test["architecture"].nunique() + 1.2),
        squeeze=False,
        sharey=True,
    )
    names = list(test["architecture"].unique())
    palette, shapes = colours(names), markers(names)
    for ax, variant in zip(grid[0], variants, strict=True):
        group = test[test["variant"] == variant].set_index("architecture")
        end = group["steps"].max()
        for y, name in enumerate(names):
            value = group["steps_to_half"].get(name, np.inf)
            if np.isfinite(value):
                ax.hlines(y, 0, value, color=palette[name], linewidth=2)
                ax.plot(value, y, marker=shapes[name], color=palette[name], markersize=7)
                ax.annotate(f"{value:.0f}", (value, y), (7, 0), textcoords="offset points", va="center", fontsize=8)
            else:
                text = censored(value, end) if name in group.index else "not trained"
                ax.text(end * 0.02, y, text, va="center", fontsize=8, color=QUIET)
        ax.set(title=variant, xlabel="steps to lock-in", xlim=(0, end * 1.12), ylim=(len(names) - 0.5, -0.5))
        ax.set_yticks(range(len(names)), [label(n) for n in names])
    figure.tight_layout()
    return figure


FIGURES = [
    Figure(
        "learning_curves",
        ("learning", "leaderboard"),
        learning_curves,
        lambda study: (
            f"Exact match on the valid split during training. Lines: mean over {study.counted_seeds}; bands: "
            "range of the seeds; marks on the dotted line: where the median seed locks in, halfway from the floor to "
            "1. Dashed lines need no binding."
        ),
        section="Learning",
    ),
    Figure(
        "learning_order",
        ("leaderboard",),
        learning_order,
        lambda study: (
            "Who learns first: steps until exact match on valid is halfway from the floor to 1, for good "
            f"(median of {study.counted_seeds}; > n: not in the n steps that there were)."
        ),
        section="Learning",
    ),
]
