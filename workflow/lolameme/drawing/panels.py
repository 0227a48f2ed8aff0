"""Panels of exact match, one per task, and what all of them carry: floors, and names at the ends of curves."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from lolameme.drawing.style import QUIET
from lolameme.study.architectures import label

FLOOR = "floor"


def panels(names: list[str], width: float = 3.6, height: float = 3.2, per_row: int = 4) -> tuple[Figure, list[Axes]]:
    """A row (or rows) of panels, one per name, on a common scale of exact match."""
    figure, grid = _grid(len(names), width, height, per_row)
    for axes, name in zip(grid.flat, names, strict=False):
        axes.set_title(name, loc="left")
        axes.set_ylim(-0.03, 1.03)
    for row in grid:
        row[0].set_ylabel("exact match")
    return figure, list(grid.flat[: len(names)])


def tasks_side_by_side(count: int, width: float, height: float, per_row: int = 5) -> tuple[Figure, list[Axes]]:
    """A panel per task, of a size in inches without the names at the left, which all panels share."""
    figure, grid = _grid(count, width, height, per_row, margin=1.4, layout="constrained")
    return figure, list(grid.flat[:count])


def _grid(
    count: int, width: float, height: float, per_row: int, margin: float = 0, layout: str | None = None
) -> tuple[Figure, np.ndarray]:
    """Axes in rows, the last of which may be shorter; `margin` inches stand beside them."""
    columns = min(per_row, count)
    rows = math.ceil(count / columns)
    size = (width * columns + margin, height * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey=True, layout=layout)
    for axes in grid.flat[count:]:
        axes.remove()
    return figure, grid


def without_binding(axes: Axes, row: pd.Series) -> None:
    """Thin lines for what needs no binding, each with its name: the floor, and guesses well away from it."""
    texts = {
        "floor": "floor",
        "value_share": "a value of the program",
        "majority": "majority answer",
        "chance": "chance",
    }
    placed: list[float] = []
    for key, text in texts.items():
        if pd.notna(row[key]) and all(abs(row[key] - other) > 0.09 for other in placed):
            placed.append(row[key])
            floor_line(axes, row[key])
            above = row[key] < 0.08 or key in ("floor", "value_share")  # just below are stacks that bind nothing
            over_curves(
                axes, 0.99, row[key] + (0.012 if above else -0.02), text, color=QUIET, ha="right",
                va="bottom" if above else "top", transform=axes.get_yaxis_transform(),
            )  # fmt: skip


def spaced(values: pd.Series, gap: float = 0.07, high: float = 1.02) -> pd.Series:
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


def floor_line(axes: Axes, height: float) -> None:
    """A thin line below everything else, at what needs no binding."""
    axes.axhline(height, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)


def over_curves(axes: Axes, x: float, y: float, text: str, **settings) -> None:
    """Small text that can be read where it lies on curves."""
    axes.text(
        x, y, text, fontsize=7.5, zorder=4, path_effects=[withStroke(linewidth=2, foreground="white")], **settings
    )


def name_at_the_right(axes: Axes, values: pd.Series, palette: dict, after: dict[str, str] | None = None) -> None:
    """Direct labels right of the axes, at the heights of `values`; `after` adds to them.

    `values` are indexed by architecture, and the floor by `FLOOR`.
    """
    for name, place in spaced(values).items():
        axes.annotate(
            (name if name == FLOOR else label(name)) + (after or {}).get(name, ""), (1, place), (4, 0),
            xycoords=("axes fraction", "data"), textcoords="offset points",
            fontsize=8, va="center", color=palette[name], annotation_clip=False,
        )  # fmt: skip


def nothing(text: str) -> Figure:
    """What is drawn where no cell has anything to show."""
    figure, ax = plt.subplots(figsize=(5, 0.6))
    ax.set_axis_off()
    ax.text(0, 0.5, text, color=QUIET, va="center")
    return figure
