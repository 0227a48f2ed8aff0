"""The figures of a study; each says one thing. All read the tidy tables and nothing else."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lolameme.drawing.style import INK, QUIET, colours, markers
from lolameme.reporting.tables import halfway, label


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
    """How exact match on `valid` grows: the mean over seeds, their range, and marks where each gets halfway."""
    valid = learned[learned["split"] == "valid"]
    figure, axes = panels(list(valid["variant"].unique()), height=3.4)
    names = list(valid["architecture"].unique())
    palette, shapes = colours(names), markers(names)
    for ax, (variant, group) in zip(axes, valid.groupby("variant", sort=False), strict=True):
        test = board[(board["variant"] == variant) & (board["split"] == "test")]
        baselines(ax, test.iloc[0])
        sns.lineplot(
            group, x="step", y="exact_match", hue="architecture", palette=palette, errorbar=("pi", 100), ax=ax,
            legend=False, err_kws={"linewidth": 0, "alpha": 0.15},
        )  # fmt: skip
        goal = halfway(test, group)
        ax.axhline(goal, color=QUIET, linewidth=0.7, linestyle=":", zorder=0)
        for row in test[np.isfinite(test["steps_to_halfway"])].itertuples():
            ax.plot(
                row.steps_to_halfway, goal, shapes[row.architecture], color=palette[row.architecture], markersize=7,
                markeredgecolor="white", zorder=3,
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


def cost(board: pd.DataFrame) -> Figure:
    """What exact match costs: against parameters, and against the seconds it took to train a cell."""
    test = board[board["split"] == "test"]
    variants, names = list(test["variant"].unique()), list(test["architecture"].unique())
    palette, shapes = colours(names), markers(names)
    figure, grid = plt.subplots(2, len(variants), figsize=(3.2 * len(variants), 5.6), squeeze=False, sharey=True)
    for row, (column, text) in zip(
        grid, (("parameters", "parameters"), ("train_seconds", "seconds per cell")), strict=True
    ):
        for ax, variant in zip(row, variants, strict=True):
            for _, one in test[test["variant"] == variant].iterrows():
                name = one["architecture"]
                error = [[one["exact_match"] - one["low"]], [one["high"] - one["exact_match"]]]
                ax.errorbar(
                    one[column], one["exact_match"], error, fmt=shapes[name], color=palette[name], capsize=3,
                    markersize=6, label=label(name),
                )  # fmt: skip
            ax.set(xlabel=text, ylim=(-0.03, 1.03))
            ax.margins(x=0.15)
            if column == "parameters":
                ax.set_title(variant)
                ax.xaxis.set_major_formatter(
                    lambda value, _: f"{value / 1000:.0f}k" if value < 1e6 else f"{value / 1e6:.0f}M"
                )
                ax.xaxis.set_major_locator(plt.MaxNLocator(4))
        row[0].set_ylabel("exact match")
    handles, texts = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="lower center", ncols=min(6, len(names)), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.04 + 0.03 * math.ceil(len(names) / 6), 1, 1), h_pad=2)
    return figure


def memory(board: pd.DataFrame, sizes: dict[str, int]) -> Figure:
    """How many facts the weights hold: exact match against the number of global variables."""
    test = board[(board["split"] == "test") & board["variant"].isin(sizes)]
    test = test.assign(variables=test["variant"].map(sizes)).sort_values("variables")
    names = list(test["architecture"].unique())
    palette, shapes = colours(names), markers(names)
    figure, ax = plt.subplots(figsize=(6.4, 3.8))
    for name in names:
        mine = test[test["architecture"] == name]
        error = [mine["exact_match"] - mine["low"], mine["high"] - mine["exact_match"]]
        ax.errorbar(
            mine["variables"], mine["exact_match"], error, fmt=f"{shapes[name]}-", color=palette[name], capsize=3
        )
    ends = test[test["variables"] == test["variables"].max()].set_index("architecture")["exact_match"]
    name_at_the_right(ax, ends, palette)
    counts = sorted(set(sizes.values()))
    ax.set(xscale="log", xlabel="global variables", ylabel="exact match", ylim=(-0.03, 1.03))
    ax.set_xticks(counts, [str(n) for n in counts])
    ax.minorticks_off()
    figure.tight_layout()
    return figure


def sliced(slices: pd.DataFrame, column: str, text: str, trained: dict[str, tuple[int, int]]) -> Figure:
    """Exact match against a property of the query, over all test splits; the range of the training programs is shaded.

    `column` is `assignments` (how many bindings the program has) or `distance` (statements from binding to query).
    """
    rows = slices[(slices["column"] == column) & slices["variant"].isin(trained)]
    rows = rows.assign(value=rows["value"].astype(int)).query("value >= 0")  # -1: the variable is global
    rows = rows.assign(hits=rows["exact_match"] * rows["queries"])
    variants = [name for name in trained if name in set(rows["variant"])]
    figure, axes = panels(variants, height=3.4)
    names = list(rows["architecture"].unique())
    palette = colours(names)
    for ax, variant in zip(axes, variants, strict=True):
        mine = rows[rows["variant"] == variant]
        by_seed = mine.groupby(["architecture", "seed", "value"])[["hits", "queries"]].sum()
        curve = (by_seed["hits"] / by_seed["queries"]).rename("exact_match").reset_index()
        sns.lineplot(
            curve, x="value", y="exact_match", hue="architecture", hue_order=names, palette=palette, ax=ax, marker="o",
            markersize=4, markeredgewidth=0, errorbar=("pi", 100), legend=False,
            err_kws={"linewidth": 0, "alpha": 0.15},
        )  # fmt: skip
        if column == "assignments":
            ax.axvspan(trained[variant][0] - 0.25, trained[variant][1] + 0.25, color=QUIET, alpha=0.12, linewidth=0)
        last = curve[curve["value"] == curve["value"].max()]
        name_at_the_right(ax, last.groupby("architecture")["exact_match"].mean(), palette)
        ax.set(xlabel=text, ylabel="exact match" if ax.get_subplotspec().is_first_col() else "")
        ax.xaxis.set_major_locator(plt.MaxNLocator(6, integer=True))
    figure.tight_layout(w_pad=3.5)
    return figure


def transfer(slices: pd.DataFrame, variant: str, taught: str, untaught: str) -> Figure:
    """Facts taught in one language and asked in another: per architecture a matrix of exact match."""
    rows = slices[(slices["variant"] == variant) & (slices["column"] == "language")]
    rows = rows.assign(hits=rows["exact_match"] * rows["queries"])
    languages = sorted(rows["value"].unique())
    names = list(rows["architecture"].unique())
    columns = min(6, len(names))
    height = math.ceil(len(names) / columns)
    figure, grid = plt.subplots(height, columns, figsize=(2.1 * columns + 0.6, 2.2 * height), squeeze=False)
    for ax in grid.flat[len(names) :]:
        ax.remove()
    for ax, name in zip(grid.flat, names, strict=False):
        sums = rows[rows["architecture"] == name].groupby(["split", "value"])[["hits", "queries"]].sum()
        found = sums["hits"] / sums["queries"]
        first, second = languages
        matrix = pd.DataFrame(
            [[found[taught, first], found[untaught, second]], [found[untaught, first], found[taught, second]]],
            languages,
            languages,
        )
        sns.heatmap(matrix, annot=True, fmt=".2f", vmin=0, vmax=1, cmap="cividis", cbar=False, ax=ax, linewidths=1)
        ax.set_title(label(name))
        ax.set(xlabel="asked in", ylabel="taught in" if ax.get_subplotspec().is_first_col() else "")
        ax.tick_params(length=0)
    figure.tight_layout()
    return figure
