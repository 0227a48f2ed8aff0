"""The figures of a study; each says one thing. All read the tidy tables and nothing else."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lolameme.reporting.style import INK, QUIET, colours, markers
from lolameme.reporting.tables import label


def panels(names: list[str], width: float = 3.6, height: float = 3.2, per_row: int = 4) -> tuple[Figure, list[Axes]]:
    """A row (or rows) of panels, one per name, on a common scale of exact match."""
    columns = min(per_row, len(names))
    rows = math.ceil(len(names) / columns)
    figure, grid = plt.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False, sharey=True)
    for axes in grid.flat[len(names) :]:
        axes.remove()
    for axes, name in zip(grid.flat, names, strict=False):
        axes.set(title=name, ylim=(-0.03, 1.03))
    for row in grid:
        row[0].set_ylabel("exact match")
    return figure, list(grid.flat[: len(names)])


def baselines(axes: Axes, row: pd.Series) -> None:
    """Thin lines for what needs no learning, each with its name."""
    texts = {"chance": "chance", "majority": "majority answer", "value_share": "a value of the program"}
    placed: list[float] = []
    for key in ("value_share", "majority", "chance"):
        if pd.notna(row[key]) and all(abs(row[key] - other) > 0.09 for other in placed):
            placed.append(row[key])
            axes.axhline(row[key], color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
            above = row[key] < 0.08
            axes.text(
                0.99, row[key] + (0.012 if above else -0.02), texts[key], color=QUIET, fontsize=7.5, ha="right",
                va="bottom" if above else "top", transform=axes.get_yaxis_transform(),
            )  # fmt: skip


def spread(values: pd.Series, gap: float = 0.07, high: float = 1.02) -> pd.Series:
    """Places for labels at `values`: in the same order, at least `gap` apart, none above `high`."""
    ordered = values.sort_values()
    places = ordered.copy()
    for i in range(1, len(places)):
        places.iloc[i] = max(places.iloc[i], places.iloc[i - 1] + gap)
    ceiling = high
    for i in reversed(range(len(places))):
        places.iloc[i] = min(places.iloc[i], ceiling)
        ceiling = places.iloc[i] - gap
    return places


def name_at_the_right(axes: Axes, values: pd.Series, palette: dict) -> None:
    """Direct labels right of the axes, at the heights of `values` (indexed by architecture)."""
    for name, place in spread(values).items():
        axes.annotate(
            label(name), (1, place), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            fontsize=8, va="center", color=palette[name], annotation_clip=False,
        )  # fmt: skip


def exact_match(board: pd.DataFrame, scored: pd.DataFrame) -> Figure:
    """Which architecture answers right: mean and interval per variant, single seeds as dots, baselines as lines."""
    test = board[board["split"] == "test"]
    figure, axes = panels(list(test["variant"].unique()))
    names = list(test["architecture"].unique())
    palette, shapes = colours(names), markers(names)
    for ax, (_, group) in zip(axes, test.groupby("variant", sort=False), strict=True):
        baselines(ax, group.iloc[0])
        for x, (_, row) in enumerate(group.iterrows()):
            name = row["architecture"]
            mine = (
                (scored["variant"] == row["variant"]) & (scored["split"] == "test") & (scored["architecture"] == name)
            )
            dots = scored.loc[mine, "exact_match"]
            ax.scatter(np.full(len(dots), x) + 0.2, dots, s=9, color=palette[name], alpha=0.6, linewidths=0)
            error = [[row["exact_match"] - row["low"]], [row["high"] - row["exact_match"]]]
            ax.errorbar(x, row["exact_match"], error, fmt=shapes[name], color=palette[name], capsize=3, markersize=7)
            place = -12 if row["exact_match"] > 0.93 else 9
            ax.annotate(
                f"{row['exact_match']:.2f}", (x, row["high"] if place > 0 else row["low"]), (0, place),
                ha="center", va="center", textcoords="offset points", fontsize=8, color=INK,
            )  # fmt: skip
        ax.set_xticks(range(len(group)), [label(n) for n in group["architecture"]])
        if len(group) > 4:
            ax.tick_params(axis="x", labelrotation=30)
            plt.setp(ax.get_xticklabels(), ha="right", rotation_mode="anchor")
        ax.set_xlim(-0.5, len(group) - 0.5)
    figure.tight_layout()
    return figure


def position(board: pd.DataFrame, layers: int) -> Figure:
    """Where the one layer of the other kind stands, against exact match; the pure stacks are horizontal bands."""
    test = board[board["split"] == "test"]
    figure, axes = panels(list(test["variant"].unique()))
    palette = colours(list(test.loc[test["positions"] == "", "architecture"].unique())) | colours(["thex", "xeht"])
    for ax, (_, group) in zip(axes, test.groupby("variant", sort=False), strict=True):
        ends = {}
        for pure in group[group["positions"] == ""].itertuples():
            ax.axhspan(pure.low, pure.high, color=palette[pure.architecture], alpha=0.18, linewidth=0)
            ax.axhline(pure.exact_match, color=palette[pure.architecture], linewidth=1.2)
            ends[pure.architecture] = pure.exact_match
        single = group[group["positions"].str.fullmatch(r"\d+")]
        for family, swapped in single.groupby("family", sort=False):
            swapped = swapped.assign(k=swapped["positions"].astype(int)).sort_values("k")
            error = [swapped["exact_match"] - swapped["low"], swapped["high"] - swapped["exact_match"]]
            ax.errorbar(swapped["k"], swapped["exact_match"], error, fmt="o-", color=palette[family], capsize=3)
            ends[family] = swapped["exact_match"].iloc[-1]
        name_at_the_right(ax, pd.Series(ends), palette)
        ax.set(xlabel="position of the swapped layer", xlim=(0.6, layers + 0.4), xticks=range(1, layers + 1))
    figure.tight_layout(w_pad=2.5)
    return figure


def learning_curves(learned: pd.DataFrame, board: pd.DataFrame) -> Figure:
    """How exact match on `valid` grows: the mean over seeds, with the range of the seeds."""
    valid = learned[learned["split"] == "valid"]
    test = board[board["split"] == "test"].drop_duplicates("variant").set_index("variant")
    figure, axes = panels(list(valid["variant"].unique()), height=3.4)
    names = list(valid["architecture"].unique())
    palette = colours(names)
    for ax, (variant, group) in zip(axes, valid.groupby("variant", sort=False), strict=True):
        baselines(ax, test.loc[variant])
        sns.lineplot(
            group, x="step", y="exact_match", hue="architecture", palette=palette, errorbar=("pi", 100), ax=ax,
            legend=False, err_kws={"linewidth": 0, "alpha": 0.15},
        )  # fmt: skip
        ax.set(xlabel="training step", ylabel="exact match (valid)" if ax.get_subplotspec().is_first_col() else "")
        last = group[group["step"] == group["step"].max()]
        name_at_the_right(ax, last.groupby("architecture")["exact_match"].mean(), palette)
        ax.margins(x=0)
    figure.tight_layout(w_pad=3.5)
    return figure


def learning_order(board: pd.DataFrame) -> Figure:
    """Who learns first: steps until halfway from the strongest baseline to the best of the variant."""
    test = board[board["split"] == "test"]
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
            value = group["steps_to_halfway"].get(name, np.inf)
            if np.isfinite(value):
                ax.hlines(y, 0, value, color=palette[name], linewidth=2)
                ax.plot(value, y, shapes[name], color=palette[name], markersize=7)
                ax.annotate(f"{value:.0f}", (value, y), (7, 0), textcoords="offset points", va="center", fontsize=8)
            else:
                ax.text(end * 0.02, y, f"not within {end:.0f}", va="center", fontsize=8, color=QUIET)
        ax.set(title=variant, xlabel="steps to halfway", xlim=(0, end * 1.12), ylim=(len(names) - 0.5, -0.5))
        ax.set_yticks(range(len(names)), [label(n) for n in names])
    figure.tight_layout()
    return figure


def splits(board: pd.DataFrame) -> Figure:
    """Every test split: mean exact match as a heat map, variants by architecture."""
    rows = board.assign(row=board["variant"] + " · " + board["split"])
    order, names = rows["row"].unique(), list(rows["architecture"].unique())
    grid = rows.pivot_table(index="row", columns="architecture", values="exact_match", sort=False).loc[order, names]
    grid.insert(0, "baseline", rows.groupby("row")["baseline"].first().loc[order])
    figure, ax = plt.subplots(figsize=(1.1 * len(grid.columns) + 2.6, 0.42 * len(grid) + 1.1))
    sns.heatmap(
        grid,
        annot=True,
        fmt=".2f",
        vmin=0,
        vmax=1,
        cmap="cividis",
        ax=ax,
        linewidths=1,
        cbar_kws={"label": "exact match"},
    )
    ax.set_xticks(np.arange(len(grid.columns)) + 0.5, ["strongest\nbaseline", *map(label, names)])
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="both", length=0)
    ax.tick_params(axis="x", rotation=0)
    figure.tight_layout()
    return figure
