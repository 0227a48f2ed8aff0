"""How the architectures of a study stand: by the position of the swapped layer, by task, by split, by cost."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from lolameme.drawing.panels import panels, without_binding
from lolameme.drawing.style import INK, colours, markers
from lolameme.study.architectures import label
from lolameme.study.config import Study
from lolameme.study.exhibits import Figure


def exact_match(study: Study, leaderboard: pd.DataFrame, cells: pd.DataFrame) -> Drawing:
    """Which architecture answers right: mean and interval per variant, single seeds as dots, the floor as a line."""
    test = leaderboard[leaderboard["split"] == "test"]
    most = test.groupby("variant")["architecture"].size().max()
    names = list(test["architecture"].unique())
    steep = most > 8  # many names stand apart in a wide panel alone, and take height
    width, height = max(3.6, 0.42 * most), 3.2 + steep * 0.06 * max(len(label(name)) for name in names)
    figure, axes = panels(list(test["variant"].unique()), width, height, per_row=max(1, int(14.4 / width)))
    palette = colours(names)
    families = {name: markers([name])[name] for name in names}  # the positions stand below the axis
    for ax, (_, group) in zip(axes, test.groupby("variant", sort=False), strict=True):
        without_binding(ax, group.iloc[0])
        for x, (_, row) in enumerate(group.iterrows()):
            name = row["architecture"]
            mine = (cells["variant"] == row["variant"]) & (cells["split"] == "test") & (cells["architecture"] == name)
            dots = cells.loc[mine, "exact_match"]
            ax.scatter(np.full(len(dots), x) + 0.2, dots, s=9, color=palette[name], alpha=0.6, linewidths=0)
            error = [[row["exact_match"] - row["low"]], [row["high"] - row["exact_match"]]]
            ax.errorbar(x, row["exact_match"], error, fmt=families[name], color=palette[name], capsize=3, markersize=7)
            place = -12 if row["exact_match"] > 0.93 else 9
            ax.annotate(
                f"{row['exact_match']:.2f}", (x, row["high"] if place > 0 else row["low"]), (0, place),
                ha="center", va="center", textcoords="offset points", fontsize=8, color=INK, zorder=5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
            )  # fmt: skip
        ax.set_xticks(range(len(group)), [label(n) for n in group["architecture"]])
        if len(group) > 4:
            ax.tick_params(axis="x", labelrotation=60 if steep else 30)
            plt.setp(ax.get_xticklabels(), ha="right", rotation_mode="anchor")
        ax.set_xlim(-0.5, len(group) - 0.5)
    figure.tight_layout()
    return figure


def splits(study: Study, leaderboard: pd.DataFrame) -> Drawing:
    """Every test split: mean exact match as a heat map, variants by architecture."""
    import seaborn as sns

    rows = leaderboard.assign(row=leaderboard["variant"] + " · " + leaderboard["split"])
    order, names = rows["row"].unique(), list(rows["architecture"].unique())
    grid = rows.pivot_table(index="row", columns="architecture", values="exact_match", sort=False).loc[order, names]
    grid.insert(0, "floor", rows.groupby("row")["floor"].first().loc[order])
    width = 1.1 * len(grid.columns) + 2.6
    figure, ax = plt.subplots(figsize=(width, 0.42 * len(grid) + 1.1))
    sns.heatmap(
        grid,
        annot=True,
        fmt=".2f",
        vmin=0,
        vmax=1,
        cmap="cividis",
        ax=ax,
        linewidths=1,
        cbar_kws={"label": "exact match", "fraction": 0.5 / width, "pad": 0.25 / width},
    )
    below = ["floor", *(label(name).replace(", ", ",\n") for name in names)]
    ax.set_xticks(np.arange(len(grid.columns)) + 0.5, below)
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="both", length=0)
    ax.tick_params(axis="x", rotation=0, labelsize=9)
    figure.tight_layout()
    return figure


def cost(study: Study, leaderboard: pd.DataFrame) -> Drawing:
    """What exact match costs: against parameters, and against the seconds it took to train a cell."""
    test = leaderboard[leaderboard["split"] == "test"]
    variants, names = list(test["variant"].unique()), list(test["architecture"].unique())
    palette, shapes = colours(names), markers(names)
    figure, grid = plt.subplots(2, len(variants), figsize=(3.2 * len(variants), 5.6), squeeze=False, sharey=True)
    for row, (column, text) in zip(
        grid, (("parameters", "parameters"), ("processor_seconds", "processor seconds per cell")), strict=True
    ):
        for ax, variant in zip(row, variants, strict=True):
            for _, one in test[test["variant"] == variant].iterrows():
                name = one["architecture"]
                error = [[one["exact_match"] - one["low"]], [one["high"] - one["exact_match"]]]
                ax.errorbar(
                    one[column], one["exact_match"], error, marker=shapes[name], linestyle="",
                    color=palette[name], ecolor=(*palette[name], 0.3), capsize=2, markersize=7, label=label(name),
                )  # fmt: skip
            ax.set(xlabel=text, ylim=(-0.03, 1.03))
            ax.margins(x=0.15)
            if column == "parameters":
                ax.set_title(variant)
                ax.xaxis.set_major_formatter(
                    lambda value, _: f"{value / 1e3:.4g}k" if value < 1e6 else f"{value / 1e6:.4g}M"
                )
                ax.xaxis.set_major_locator(plt.MaxNLocator(4))
        row[0].set_ylabel("exact match")
    drawn = [ax.get_legend_handles_labels() for ax in grid[0]]  # not every stack is trained on every task
    shown = {text: handle for handles, texts in drawn for handle, text in zip(handles, texts, strict=True)}
    figure.legend(shown.values(), shown, loc="lower center", ncols=min(6, len(names)), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.04 + 0.03 * math.ceil(len(names) / 6), 1, 1), h_pad=2)
    return figure


FIGURES = [
    Figure(
        "exact_match",
        ("leaderboard", "cells"),
        exact_match,
        lambda study: (
            f"Exact match on the test split. Large marks: mean over {study.counted_seeds}; bars: 95 % t "
            "interval over seeds; small dots: single seeds. Dashed lines need no binding: the floor, what the best "
            "solver without binding reaches, and guesses."
        ),
        section="Results",
    ),
    Figure(
        "splits",
        ("leaderboard",),
        splits,
        lambda study: (
            f"Exact match on every test split (mean over {study.counted_seeds}), beside the floor of the "
            "split: what the best solver without binding reaches."
        ),
        section="Results",
        small=True,
    ),
    Figure(
        "cost",
        ("leaderboard",),
        cost,
        lambda study: (
            "Exact match on test against parameters and against the processor time of training, with 95 % intervals."
        ),
        section="Results",
    ),
]
