"""Patching: at which tokens, after which layers, an answer is decided."""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.analyses import _seeds as seeds
from lolameme.analyses._asked import Count, Kind
from lolameme.study.exhibits import INTERVAL, SEEDS, STACK, Column, Figure, Table
from lolameme.study.sections import Section

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from lolameme.analyses._trained import Trained
    from lolameme.study.config import Study

TITLE = "Where the answer is decided"
CARRIED = 0.8  # effect from which on an answer is said to follow a patch


class Settings(Section):
    """How the stream is patched."""

    prompts: Count = Field(64, description="pairs of prompts per kind")
    kinds: tuple[Kind, ...] = Field(
        ("names", "query", "global", "operator"), description="in what the two prompts of a pair differ"
    )
    norm_matched: bool = Field(True, description="patches have the norm of what they replace")


COLUMNS = {
    "kind": Column(str, "in what the two prompts of a pair differ"),
    "direction": Column(str, "corrupt: is it needed; restore: is it enough"),
    "layer": Column(int, "the stream is patched after so many layers; 0: the embedding", "layers"),
    "role": Column(str, "of the tokens that are patched"),
    "prompts": Column(int, "pairs", "prompts"),
    "told_apart": Column(float, "between the two prompts of a pair; effects are undefined (NaN) below 1", "logits"),
    "effect": Column(float, "how far the answer follows the patch: 0 not at all, 1 as far as its source", "share"),
    "low": Column(float, "where its 95 % bootstrap interval over prompts starts", "share"),
    "high": Column(float, "where it ends", "share"),
    "interchange": Column(float, "of prompts: answered as the source of the patch", "share"),
    "norms": Column(float, "mean norm of the source's stream by that of the patched one", "ratio"),
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per kind, direction, layer and role."""
    import math

    from lolameme.analyses._frames import framed
    from lolameme.analyses._pairs import pairs
    from lolameme.analyses._patching import DIRECTIONS, Runs

    rows = []
    for kind in settings.kinds:
        asking = pairs(cell, kind, settings.prompts)
        if asking is None:
            continue
        runs = Runs(cell.model, asking)
        for direction in DIRECTIONS:
            for layer in range(len(cell.model.blocks) + 1):
                effects = runs.patch(direction, layer, asking.roles, settings.norm_matched)
                for role, found in effects.items():
                    known = (found.value, found.low, found.high) if runs.defined else (math.nan,) * 3
                    row = (kind, direction, layer, role, len(asking), runs.told_apart)
                    rows.append((*row, *known, found.interchange, found.norms))
    return framed("patching", rows)


# ---- from the table of all cells: means over seeds, figures, sentences


def over_seeds(study: "Study", patching: "pd.DataFrame") -> "pd.DataFrame":
    """How far the answer follows each patch: mean over the seeds that notice the exchange, with its 95 % interval."""
    import pandas as pd

    keys = [*seeds.KEYS, "kind", "direction", "layer", "role"]
    rows = [
        (*names, len(cells), int(cells["effect"].notna().sum()), *seeds.mean(cells["effect"]))
        for names, cells in patching.groupby(keys, sort=False)
    ]
    return pd.DataFrame(rows, columns=list(EFFECTS))


EFFECTS = {
    **STACK,
    **{name: COLUMNS[name] for name in ("kind", "direction", "layer", "role")},
    **SEEDS,
    "noticed": Column(int, "of which tell the two prompts apart, so that their effects are defined", "cells"),
    "effect": Column(float, "how far the answer follows the patch, mean over these; NaN: no cell", "share"),
    **INTERVAL,
}


def exchanged(patching: "pd.DataFrame") -> "pd.DataFrame":
    """The rows in which two names are exchanged, of the cells that notice it."""
    return patching[(patching["kind"] == "names") & patching["effect"].notna()]


def draw(study: "Study", patching: "pd.DataFrame") -> "Drawing":
    """Layer by role: how far the answer follows a patch, when two names are exchanged; mean over seeds."""
    from lolameme.analyses._drawing import UNNOTICED, colour_bar, grid, number_map
    from lolameme.analyses._roles import ROLES
    from lolameme.drawing.panels import nothing

    shown = exchanged(patching).query("direction == 'corrupt'")
    if shown.empty:
        return nothing("No cell of this study tells apart programs in which two names are exchanged.")
    roles = [role for role in ROLES if role in set(shown["role"])]
    width, height = 0.3 * len(roles) + 0.5, 0.24 * study.model.layers + 0.7
    figure, axes, panels = grid(study, shown, width=width, height=height, below="", absent=UNNOTICED)
    for ax, mine in panels:
        table = mine.pivot_table(index="layer", columns="role", values="effect").reindex(columns=roles).clip(0, 1)
        image = number_map(ax, table, written=False)
    for ax in axes[-1]:
        ax.tick_params(axis="x", labelrotation=90)
    for ax in axes[:, 0]:
        ax.set_ylabel(f"{ax.get_ylabel()}\nafter layer", fontsize=9)
    figure.tight_layout()
    colour_bar(figure, axes, image, "effect")
    return figure


def draw_below(study: "Study", patching: "pd.DataFrame") -> "Drawing":
    """The attention layer's position by role: what the answer follows just below that layer; mean over seeds."""
    import matplotlib.pyplot as plt

    from lolameme.analyses._drawing import colour_bar, number_map
    from lolameme.analyses._roles import ROLES
    from lolameme.drawing.panels import nothing
    from lolameme.study.architectures import family, label, positions

    below = {
        name: positions(name)[0] - 1 for name in study.stacks if family(name) == "thex" and len(positions(name)) == 1
    }
    shown = exchanged(patching).query("direction == 'corrupt'")
    shown = shown[shown["layer"] == shown["architecture"].map(below)]
    if shown.empty:
        return nothing("No stack with one attention layer tells apart programs in which two names are exchanged.")
    tasks, names = list(shown["variant"].unique()), [name for name in below if name in set(shown["architecture"])]
    roles = [role for role in ROLES if role in set(shown["role"])]
    size = ((0.42 * len(roles) + 0.5) * len(tasks) + 2.2, 0.32 * len(names) + 1.7)
    figure, axes = plt.subplots(1, len(tasks), figsize=size, squeeze=False, sharey=True, layout="constrained")
    for ax, task in zip(axes[0], tasks, strict=True):
        mine = shown[shown["variant"] == task]
        table = mine.pivot_table(index="architecture", columns="role", values="effect")
        image = number_map(ax, table.reindex(index=names[::-1], columns=roles).clip(0, 1).rename(index=label))
        ax.tick_params(axis="x", labelrotation=90)
        ax.set_title(task)
    colour_bar(figure, axes, image, "effect")
    return figure


def findings(tables: "dict[str, pd.DataFrame]") -> list[str]:
    """Where the names of a program stand after layer 1: said where all seeds say the same, intervals included."""
    from lolameme.study.architectures import label

    said = []
    for (variant, architecture), cells in tables["patching"].groupby(seeds.KEYS, sort=False):
        rows, every = cells[(cells["kind"] == "names") & (cells["layer"] == 1)], set(cells["seed"])
        roles = rows.groupby("role", sort=False)
        carrying = [role for role, mine in roles if seeds.agree(mine, mine["low"] > CARRIED, every)]
        if len(carrying) == 1:
            said.append(
                f"{variant}, {label(architecture)}: after layer 1, which name has which value stands at the "
                f"{carrying[0]} (more than {CARRIED:.0%} of the answer follows a patch there, in both directions; "
                f"{seeds.all_of(len(every))})."
            )
    return said


TABLES = [
    Table(
        "patching_effects",
        ("patching",),
        over_seeds,
        "How far the answer follows when the stream at tokens of one role is the partner's: mean over the seeds that "
        "tell the two prompts apart, with its 95 % t interval.",
        columns=EFFECTS,
    )
]
FIGURES = [
    Figure(
        "patching",
        ("patching",),
        draw,
        lambda study: (
            "Two assignments exchange their names, and the residual stream of that program is put into the run of the "
            "first one, at some tokens (columns) after some layers (rows; 0: the embedding). Effect: how far the logit "
            f"difference of the two answers follows; mean over {study.counted_seeds}. Tasks and architectures that do "
            "not notice the exchange have no effects."
        ),
        section="Mechanism",
    ),
    Figure(
        "below_attention",
        ("patching",),
        draw_below,
        lambda study: (
            "Position of the attention layer (rows) by role of tokens (columns): as above, patched just below that "
            "layer, where what it can look up was bound. At the value: names were carried there; at the name alone: "
            f"nothing was. Mean over {study.counted_seeds}; blank where the exchange is not noticed."
        ),
        section="Mechanism",
    ),
]
