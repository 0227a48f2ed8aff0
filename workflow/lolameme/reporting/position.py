"""The curve of the study: exact match against the position of the swapped layer, beside everything it is compared
with."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from lolameme.base.files import read_frame
from lolameme.data.accounts import FIRST
from lolameme.drawing.panels import name_at_the_right, panels
from lolameme.drawing.style import INK, QUIET, colours
from lolameme.study.architectures import family, label
from lolameme.study.config import Study
from lolameme.study.exhibits import Figure

_FORMS = {"thex": ("^", "-"), "xeht": ("v", (0, (4, 1.5)))}  # told apart without colour
_SINGLE = r"\d+"  # of all `positions`: one swapped layer


def position(study: Study, leaderboard: pd.DataFrame, cells: pd.DataFrame) -> Drawing:
    """Exact match on `test` by position: means, single cells, stacks without a position as bands, floor and bound."""
    test = leaderboard[leaderboard["split"] == "test"]
    cells = cells[cells["split"] == "test"]
    bounds = read_frame(study.paths.predictions)
    bounds = bounds[(bounds["split"] == "test") & (bounds["account"] == FIRST)]
    figure, axes = panels(list(test["variant"].unique()), width=4.3, height=3.6, per_row=3)
    others = [name for name in test["architecture"].unique() if not _single(test, name)]
    palette = colours(others) | colours(["thex", "xeht"])
    for ax, (variant, rows) in zip(axes, test.groupby("variant", sort=False), strict=True):
        _floor(ax, rows["baseline"].max())
        ends = {}
        for row in rows[rows["architecture"].isin(others)].itertuples():
            ax.axhspan(row.low, row.high, color=palette[row.architecture], alpha=0.13, linewidth=0)
            ax.axhline(row.exact_match, color=palette[row.architecture], linewidth=1.1)
            ends[row.architecture] = row.exact_match
        swapped = rows[~rows["architecture"].isin(others)].assign(k=lambda rows: rows["positions"].astype(int))
        for number, (name, curve) in enumerate(swapped.sort_values("k").groupby("family", sort=True)):
            aside = 0.06 * (2 * number - 1) if swapped["family"].nunique() > 1 else 0
            _curve(ax, curve, cells[cells["variant"] == variant], palette[name], aside)
            ends[name] = curve["exact_match"].iloc[-1]
        _bound(ax, swapped[swapped["family"] == "thex"], bounds[bounds["variant"] == variant])
        name_at_the_right(ax, pd.Series(ends), palette, {name: _suffix(rows, name) for name in ends})
        layers = range(1, study.model.layers + 1)
        ax.set(xlabel="layer that is swapped", xlim=(0.6, layers[-1] + 0.4), xticks=layers, ylim=(-0.05, 1.12))
    figure.tight_layout(w_pad=3)
    return figure


def _single(test: pd.DataFrame, name: str) -> bool:
    places = test.loc[test["architecture"] == name, "positions"].iloc[0]
    return places.isdigit() and "@" not in name


def _floor(ax: Axes, floor: float) -> None:
    ax.axhline(floor, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    ax.text(0.01, floor - 0.015, "floor", transform=ax.get_yaxis_transform(), color=QUIET, fontsize=7.5, va="top")


def _curve(ax: Axes, curve: pd.DataFrame, cells: pd.DataFrame, colour: tuple, aside: float) -> None:
    """Means with intervals, joined; every cell as a dot; above each how many cells lock in."""
    marker, line = _FORMS[curve["family"].iloc[0]]
    error = [curve["exact_match"] - curve["low"], curve["high"] - curve["exact_match"]]
    ax.errorbar(
        curve["k"] + aside, curve["exact_match"], error, marker=marker, linestyle=line, color=colour, capsize=2.5,
        markersize=7, zorder=3,
    )  # fmt: skip
    for row in curve.itertuples():
        dots = cells.loc[cells["architecture"] == row.architecture, "exact_match"]
        ax.scatter([row.k + aside] * len(dots), dots, s=8, color=colour, alpha=0.55, linewidths=0, zorder=2)
        if curve["family"].iloc[0] == "thex":
            ax.text(row.k, 1.06, f"{row.locked}/{row.seeds}", ha="center", fontsize=7.5, color=INK)


def _bound(ax: Axes, swapped: pd.DataFrame, bounds: pd.DataFrame) -> None:
    """What the account allows each position at most, before training, as a bar above which nothing should lie."""
    at_most = bounds.groupby("architecture")["bound"].max()
    named = False
    for row in swapped.itertuples():
        bound = at_most.get(row.architecture)
        if pd.notna(bound) and bound < 0.995:
            ax.plot([row.k - 0.32, row.k + 0.32], [bound, bound], color=INK, linewidth=1.6, zorder=4)
            if not named:  # once: bars of neighbours often stand at one height
                ax.text(row.k - 0.32, bound - 0.015, "bound", fontsize=7.5, va="top", color=INK)
            named = True


def _suffix(rows: pd.DataFrame, name: str) -> str:
    """How many cells of a stack without a position lock in."""
    mine = rows[rows["architecture"] == name]
    return "" if mine.empty else f" {mine['locked'].iloc[0]}/{mine['seeds'].iloc[0]}"


def _caption(study: Study) -> str:
    names = ", ".join(label(name) for name in study.stacks if family(name) not in _FORMS)
    same = " At depth 2, XEHT-1 is the same stack as T HEX-2, and XEHT-2 as T HEX-1."
    return (
        "Exact match on the test split against the layer that is swapped: one attention layer in a Hyena stack (T HEX, "
        "triangles, solid), one Hyena layer in an attention stack (XEHT, dashed). Marks: mean over "
        f"{study.counted_seeds} with 95 % intervals; dots: single cells; horizontal bands: "
        f"{names or 'stacks without a position'}. Dashed grey: the floor, what needs no binding. Black bars: the bound "
        "that was predicted before training, where it is below 1. Numbers k/n: of n cells, k lock in; above the "
        f"triangles those of T HEX.{same if study.model.layers == 2 else ''}"
    )


FIGURES = [
    Figure(
        "position",
        ("leaderboard", "cells"),
        position,
        _caption,
        section="The curve",
        reads=lambda study: [study.paths.predictions],
    )
]
