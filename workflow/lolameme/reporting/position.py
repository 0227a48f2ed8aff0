"""The curve of the study: exact match against the position of the swapped layer, beside everything it is compared
with."""

from collections import Counter

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from lolameme.base.files import read_frame
from lolameme.data.accounts import FIRST
from lolameme.drawing.panels import FLOOR, floor_line, name_at_the_right, over_curves, panels
from lolameme.drawing.style import INK, QUIET, colours
from lolameme.study.architectures import family, label, masked, positions, without_position
from lolameme.study.config import Study
from lolameme.study.exhibits import Figure

_FORMS = {"thex": ("^", "-"), "xeht": ("v", (0, (4, 1.5)))}  # told apart without colour
_NAMED = 6  # stacks that a caption names one by one


def position(study: Study, leaderboard: pd.DataFrame, cells: pd.DataFrame) -> Drawing:
    """Exact match on `test` by position: means, single cells, stacks without a position as bands, floor and bound."""
    test = leaderboard[leaderboard["split"] == "test"]
    cells = cells[cells["split"] == "test"]
    bounds = read_frame(study.paths.predictions)
    bounds = bounds[(bounds["split"] == "test") & (bounds["account"] == FIRST)]
    figure, axes = panels(list(test["variant"].unique()), width=4.3, height=3.6, per_row=3)
    stacks = list(test["architecture"].unique())
    curve_of = _curves(stacks)
    others = [name for name in stacks if name not in curve_of]
    palette = {FLOOR: QUIET} | colours(others) | colours(list(dict.fromkeys(curve_of.values())))
    for ax, (variant, rows) in zip(axes, test.groupby("variant", sort=False), strict=True):
        ends = {FLOOR: rows["floor"].max()}
        floor_line(ax, ends[FLOOR])
        for row in rows[rows["architecture"].isin(others)].itertuples():
            ax.axhspan(row.low, row.high, color=palette[row.architecture], alpha=0.13, linewidth=0)
            ax.axhline(row.exact_match, color=palette[row.architecture], linewidth=1.1)
            ends[row.architecture] = row.exact_match
        swapped = rows[~rows["architecture"].isin(others)].assign(
            k=lambda rows: rows["positions"].astype(int), curve=lambda rows: rows["architecture"].map(curve_of)
        )
        several = swapped["curve"].nunique()
        for number, (name, curve) in enumerate(swapped.sort_values("k").groupby("curve", sort=True)):
            aside = 0.06 * (2 * number - several + 1)
            _curve(ax, curve, cells[cells["variant"] == variant], palette[name], aside)
            ends[name] = curve["exact_match"].iloc[-1]
        _locked(ax, swapped[swapped["family"] == "thex"])
        _bound(ax, swapped[swapped["family"] == "thex"], bounds[bounds["variant"] == variant])
        name_at_the_right(ax, pd.Series(ends), palette, {name: _suffix(rows, name) for name in ends})
        layers = range(1, study.model.layers + 1)
        ax.set(xlabel="layer that is swapped", xlim=(0.6, layers[-1] + 0.4), xticks=layers, ylim=(-0.05, 1.12))
    figure.tight_layout(w_pad=3)
    return figure


def _curves(stacks: list[str]) -> dict[str, str]:
    """The curve that a stack is a point of: its name without the position, which others with one swapped layer share.

    A stack with taps of its own, of which there is one position only, is no curve.
    """
    swapped = {name: without_position(name) for name in stacks if len(positions(name)) == 1 and not masked(name)}
    alike = Counter(swapped.values())
    return {name: curve for name, curve in swapped.items() if alike[curve] > 1 or "@" not in name}


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


def _locked(ax: Axes, swapped: pd.DataFrame) -> None:
    """How many cells of T HEX lock in, above each position; of several curves only the dots say so."""
    if swapped["curve"].nunique() == 1:
        for row in swapped.itertuples():
            ax.text(row.k, 1.06, f"{row.locked}/{row.seeds}", ha="center", fontsize=7.5, color=INK)


def _bound(ax: Axes, swapped: pd.DataFrame, bounds: pd.DataFrame) -> None:
    """What the account allows each position at most, mean over worlds, as a bar above which no mean should lie."""
    at_most = bounds.groupby("architecture")["bound"].mean()
    named = False
    for row in swapped.itertuples():
        bound = at_most.get(row.architecture)
        if pd.notna(bound) and bound < 0.995:
            ax.plot([row.k - 0.32, row.k + 0.32], [bound, bound], color=INK, linewidth=1.6, zorder=4)
            if not named:  # once: bars of neighbours often stand at one height
                over_curves(ax, row.k - 0.32, bound + 0.012, "bound", va="bottom", color=INK)
            named = True


def _suffix(rows: pd.DataFrame, name: str) -> str:
    """How many cells of a stack without a position lock in."""
    mine = rows[rows["architecture"] == name]
    return "" if mine.empty else f" {mine['locked'].iloc[0]}/{mine['seeds'].iloc[0]}"


def _caption(study: Study) -> str:
    curves = _curves(list(study.stacks))
    taps = len({curve for curve in curves.values() if family(curve) == "thex"}) > 1
    others = [label(name) for name in study.stacks if name not in curves]
    bands = ", ".join(others) if 0 < len(others) <= _NAMED else "the other stacks"
    mirror = any(family(curve) == "xeht" for curve in curves.values())
    return (
        "Exact match on the test split against the layer that is swapped: one attention layer in a Hyena stack (T HEX, "
        f"triangles, solid{'; a line for each number of taps, darker with more' if taps else ''})"
        f"{', one Hyena layer in an attention stack (XEHT, dashed)' if mirror else ''}. Marks: mean over "
        f"{study.counted_seeds} with 95 % intervals; dots: single cells; horizontal bands: {bands}. Dashed grey: the "
        "floor, what needs no binding. Black bars: the bound that was predicted before training, for what one short "
        "filter can carry, mean over worlds, where it is below 1; it rules out what was asked before only where "
        "training asks once, so it may lie below the floor. Numbers k/n: of n cells, k lock in"
        f"{'' if taps else '; above the triangles those of T HEX'}."
        f"{' At depth 2, XEHT-1 is the same stack as T HEX-2, and XEHT-2 as T HEX-1.' * (study.model.layers == 2)}"
    )


FIGURES = [
    Figure(
        "position",
        ("leaderboard", "cells"),
        position,
        _caption,
        section="The curve",
        when=lambda study: bool(_curves(list(study.stacks))),
        reads=lambda study: [study.paths.predictions],
    )
]
