"""By which route each cell recalls, beside what it reaches: on test, and on programs longer than those of training."""

import pandas as pd
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from lolameme.analyses._drawing import ROUTE_COLOURS
from lolameme.analyses._routes import ROUTES
from lolameme.analyses.scores import COLUMNS as SCORES
from lolameme.drawing.panels import nothing, panels
from lolameme.drawing.style import QUIET
from lolameme.reporting.recall import alike, recalled
from lolameme.reporting.tables import CELLS
from lolameme.statistics import means
from lolameme.study.config import Study
from lolameme.study.exhibits import CELL, Column, Figure, Table

TITLE = "Routes and longer programs"
KEYS = ["variant", "architecture", "seed"]
MARKERS = dict(zip(ROUTES, "osX.", strict=True))  # told apart without colour


def verdicts(study: Study, cells: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and test split: exact match, and the verdict on the cell; none where no names can be exchanged.

    `answers` is the layer that answers, 0 where none does.
    """
    asked = scores[scores["prompts"] > 0].drop_duplicates(KEYS)
    shown = cells[[*KEYS, "split", "exact_match", "floor", "above", "locked"]]
    return shown.merge(asked[[*KEYS, "verdict", "answers"]], on=KEYS)


def generalisation(study: Study, verdicts: pd.DataFrame) -> pd.DataFrame:
    """One row per variant, split of other lengths and route: what its cells reach on test and on that split.

    `lost` is the mean of what a cell loses from test to that split, with its 95 % t interval over cells.
    """
    rows = []
    for variant, split in _lengths(study):
        wide = _both(verdicts, variant, split)
        for route in ROUTES:
            mine = wide[wide["verdict"] == route]
            if len(mine):
                lost, low, high = means.interval((mine["test"] - mine["there"]).to_numpy())
                row = {"variant": variant, "split": split, "route": route, "cells": len(mine)}
                row |= {"on_test": mine["test"].mean(), "on_split": mine["there"].mean()}
                rows.append(row | {"lost": lost, "low": low, "high": high})
    return pd.DataFrame(rows, columns=list(GENERALISATION))


def draw(study: Study, verdicts: pd.DataFrame) -> Drawing:
    """Every cell: exact match on other lengths against that on test, by route."""
    shown = [(pair, _both(verdicts, *pair)) for pair in _lengths(study)]
    shown = [(pair, cells) for pair, cells in shown if len(cells)]
    if not shown:
        return nothing("No task of this study binds names and has a split of other lengths.")
    figure, axes = panels([f"{variant} · {split}" for (variant, split), _ in shown], height=3.4)
    for ax, (_, cells) in zip(axes, shown, strict=True):
        ax.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
        for route, mine in cells.groupby("verdict", sort=False):
            ax.plot(
                mine["test"], mine["there"], marker=MARKERS[route], linestyle="", color=ROUTE_COLOURS[route],
                markersize=7, alpha=0.85, markeredgecolor="white", markeredgewidth=0.4,
            )  # fmt: skip
        ax.set(xlabel="exact match on test", xlim=(-0.03, 1.05), ylim=(-0.03, 1.05))
    axes[0].set_ylabel("on programs of other lengths")
    styles = {route: {"color": ROUTE_COLOURS[route], "marker": MARKERS[route], "linestyle": ""} for route in ROUTES}
    handles = [Line2D([], [], markersize=7, label=route, **style) for route, style in styles.items()]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 0.95), frameon=False, fontsize=8)
    figure.tight_layout()
    return figure


def _lengths(study: Study) -> list[tuple[str, str]]:
    """Variants with their splits that differ from test in how many bindings a program has."""
    return [(variant, split) for variant in recalled(study) for split in alike(study, variant) if split != "test"]


def _both(verdicts: pd.DataFrame, variant: str, split: str) -> pd.DataFrame:
    """The cells of a variant with their verdict, and exact match on test and on a split: `test`, `there`."""
    mine = verdicts[verdicts["variant"] == variant].set_index(KEYS)
    of = {"test": "test", "there": split}
    return mine[mine["split"] == "test"][["verdict"]].assign(
        **{column: mine[mine["split"] == name]["exact_match"] for column, name in of.items()}
    )


def _measured(study: Study) -> bool:
    return "scores" in study.analyses


VERDICTS = {
    **CELL,
    **{name: CELLS[name] for name in ("split", "exact_match", "floor", "above", "locked")},
    **{name: SCORES[name] for name in ("verdict", "answers")},
}
GENERALISATION = {
    "variant": CELL["variant"],
    "split": Column(str, "a test split whose programs have another number of bindings"),
    "route": Column(str, "by which cells recall"),
    "cells": Column(int, "with that verdict", "cells"),
    "on_test": Column(float, "exact match on test, mean over cells", "share"),
    "on_split": Column(float, "exact match on that split, mean over cells", "share"),
    "lost": Column(float, "from test to that split, mean over cells", "share"),
    "low": Column(float, "where its 95 % t interval over cells starts", "share"),
    "high": Column(float, "where it ends", "share"),
}
TABLES = [
    Table(
        "verdicts",
        ("cells", "scores"),
        verdicts,
        "By which route every cell recalls, beside its exact match on every test split, and the layer that answers.",
        columns=VERDICTS,
        when=_measured,
    ),
    Table(
        "generalisation",
        ("verdicts",),
        generalisation,
        "Exact match on test and on programs of other lengths by route: means over cells, and what a cell loses with "
        "its 95 % t interval.",
        columns=GENERALISATION,
        when=_measured,
    ),
]
FIGURES = [
    Figure(
        "generalisation",
        ("verdicts",),
        draw,
        lambda study: (
            "Exact match on programs with another number of assignments against that on test; every mark is a cell, "
            "shaped and coloured by the route by which it recalls. On the dashed line nothing is lost."
        ),
        section="Mechanism",
        when=lambda study: _measured(study) and bool(_lengths(study)),
        variants=lambda study: list(dict.fromkeys(variant for variant, _ in _lengths(study))),
    )
]
