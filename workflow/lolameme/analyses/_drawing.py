"""What the figures of analyses have in common: grids of panels, and maps of numbers from 0 to 1."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from lolameme.drawing.style import INK, QUIET
from lolameme.study.architectures import label
from lolameme.study.config import Study

MAP = "cividis"
UNNOTICED = "exchange\nnot noticed"  # by a cell that answers both prompts of a pair alike


def grid(
    study: Study, table: pd.DataFrame, width: float, height: float, below: str, absent: str, rows: str = "variant"
) -> tuple[Drawing, np.ndarray, list[tuple[Axes, pd.DataFrame]]]:
    """A panel per architecture (columns) and task, or another column of `table` (`rows`), both axes shared.

    With the axes come those that have something to show, each with its part of the table; the others say `absent`, or
    that the study does not train the architecture there. `below` names the horizontal axis.
    """
    names = {key: list(table[key].unique()) for key in (rows, "architecture")}
    shape = len(names[rows]), len(names["architecture"])
    size = (width * shape[1] + 1.4, height * shape[0] + 0.9)
    figure, axes = plt.subplots(*shape, figsize=size, squeeze=False, sharex=True, sharey=True)
    panels, trained = [], {(variant, stack) for variant, stack, _ in study.cells}
    for (y, x), ax in np.ndenumerate(axes):
        row, architecture = names[rows][y], names["architecture"][x]
        mine = table[(table[rows] == row) & (table["architecture"] == architecture)]
        if mine.empty:
            said = absent if row not in study.variants or (row, architecture) in trained else "not trained"
            ax.text(0.5, 0.5, said, transform=ax.transAxes, ha="center", va="center", fontsize=7.5, color=QUIET)
        else:
            panels.append((ax, mine))
        if y == 0:
            ax.set_title(label(architecture).replace(", ", ",\n"), fontsize=10)
        if x == 0:
            ax.set_ylabel(row, fontsize=9)
        if y == shape[0] - 1:
            ax.set_xlabel(below)
    return figure, axes, panels


def layer_ticks(layers: int) -> range:
    """Some of the numbers 0, ..., layers: eight of them at most."""
    return range(0, layers + 1, max(1, layers // 4))


def number_map(ax: Axes, table: pd.DataFrame, written: bool = True):
    """A table of numbers from 0 to 1 as a map, its first row at the bottom; NaN is left blank."""
    values = table.to_numpy(float)
    image = ax.imshow(values, cmap=MAP, vmin=0, vmax=1, aspect="auto", origin="lower")
    ax.set_xticks(range(len(table.columns)), table.columns)
    ax.set_yticks(range(len(table.index)), table.index)
    ax.tick_params(length=0)
    if written:
        for (y, x), value in np.ndenumerate(values):
            if np.isfinite(value):
                dark = INK if value > 0.55 else "white"
                ax.text(x, y, f"{value:.2f}".removeprefix("0"), ha="center", va="center", color=dark, fontsize=7)
    return image


def colour_bar(figure: Drawing, axes: np.ndarray, image, text: str) -> None:
    """One scale at the right of all panels."""
    figure.colorbar(image, ax=list(axes.flat), label=text, fraction=0.03, pad=0.02)


# Okabe and Ito's palette (2008); grey where there is no route
ROUTE_COLOURS = {"bind, then look up": "#009E73", "direct": "#E69F00", "no binding": "#BBBBBB", "undefined": "#E8E8E8"}
SCORE_COLOURS = {"binding": "#009E73", "direct": "#D55E00", "retrieval": "#0072B2"}
PROBE_STYLES: dict[str, dict[str, Any]] = {
    "trained": {"color": "#0072B2", "marker": "o", "markersize": 3, "linewidth": 1.4},
    "random weights": {"color": "#777777", "marker": "s", "markersize": 3, "linewidth": 1},
    "control task": {"color": "#777777", "linestyle": ":", "linewidth": 1.2},
}
