"""What the figures of analyses have in common: grids of panels, and maps of numbers from 0 to 1."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from lolameme.drawing.style import INK, QUIET
from lolameme.study.architectures import label

MAP = "cividis"


def grid(rows: list[str], columns: list[str], width: float, height: float) -> tuple[Drawing, np.ndarray]:
    """Panels (rows, columns), the columns headed by architectures and the rows by tasks, both axes shared."""
    size = (width * len(columns) + 1.4, height * len(rows) + 0.9)
    figure, axes = plt.subplots(len(rows), len(columns), figsize=size, squeeze=False, sharex=True, sharey=True)
    for ax, name in zip(axes[0], columns, strict=True):
        ax.set_title(label(name), fontsize=10)
    for ax, name in zip(axes[:, 0], rows, strict=True):
        ax.set_ylabel(name, fontsize=9)
    return figure, axes


def blank(ax: Axes, text: str) -> None:
    """A panel that has nothing to show, and why."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=7.5, color=QUIET)


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
PROBE_STYLES = {
    "trained": {"color": "#0072B2", "marker": "o", "markersize": 3, "linewidth": 1.4},
    "random weights": {"color": "#777777", "marker": "s", "markersize": 3, "linewidth": 1},
    "control task": {"color": "#777777", "linestyle": ":", "linewidth": 1.2},
}
