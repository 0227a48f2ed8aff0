"""Scores and verdict: by which route a cell recalls what a program bound."""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.analyses import _seeds as seeds
from lolameme.analyses._asked import Count
from lolameme.analyses._routes import BIND, DIRECT, ROUTES, UNDEFINED
from lolameme.study.exhibits import STACK, Column, Figure, Table
from lolameme.study.sections import Section

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from lolameme.analyses._trained import Trained
    from lolameme.study.config import Study

TITLE = "By which route it recalls"


class Settings(Section):
    """How the scores are measured."""

    prompts: Count = Field(128, description="pairs of prompts that exchange two names")


COLUMNS = {
    "layer": Column(int, "scores of the stream are after so many layers, retrieval is of that layer; 0: the embedding"),
    "mixer": Column(str, "of that layer"),
    "binding": Column(float, "how far the answer follows when the values of exchanged names are patched", "share"),
    "binding_low": Column(float, "where its 95 % bootstrap interval over prompts starts", "share"),
    "binding_high": Column(float, "where it ends", "share"),
    "direct": Column(float, "how far the answer follows when the answer sign is patched", "share"),
    "direct_low": Column(float, "where its 95 % bootstrap interval over prompts starts", "share"),
    "direct_high": Column(float, "where it ends", "share"),
    "retrieval": Column(
        float, "of what is gathered at the answer sign: from the value looked for, beyond other values", "share"
    ),
    "retrieval_low": Column(float, "where its 95 % bootstrap interval over prompts starts", "share"),
    "retrieval_high": Column(float, "where it ends", "share"),
    "group": Column(int, "of channels (head) that retrieves most, counted from 1"),
    "prompts": Column(int, "pairs of prompts", "prompts"),
    "exact_match": Column(float, "of the whole answers to these prompts", "share"),
    "told_apart": Column(float, "between the two prompts of a pair; scores are undefined (NaN) below 1", "logits"),
    "verdict": Column(str, "on the cell, the same in all its rows: by which route it recalls"),
    "answers": Column(int, "the layer that answers, 0 where none does"),
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per layer, and one for the embedding; a single row where no names can be exchanged."""
    import math

    from lolameme.analyses import _measures as measures
    from lolameme.analyses._frames import framed
    from lolameme.analyses._pairs import pairs
    from lolameme.analyses._patching import Runs
    from lolameme.analyses._retrieval import retrieval
    from lolameme.analyses._roles import ANSWER_SIGN
    from lolameme.analyses._verdict import verdict

    mixers, unknown = ["", *cell.facts["mixers"]], (math.nan,) * 3
    asking = pairs(cell, "names", settings.prompts)
    if asking is None:
        nothing = (0, "", *unknown, *unknown, *unknown, 0, 0, math.nan, math.nan, UNDEFINED, 0)
        return framed("scores", [nothing])
    runs = Runs(cell.model, asking)
    binding, direct = [unknown] * len(mixers), [unknown] * len(mixers)
    if runs.defined:
        patched = [runs.patch("corrupt", layer, ("value", ANSWER_SIGN)) for layer in range(len(mixers))]
        binding, direct = (
            [(one[role].value, one[role].low, one[role].high) for one in patched] for role in ("value", ANSWER_SIGN)
        )
    retrieved = [(unknown, 0), *retrieval(cell.model, asking)]
    found = verdict(runs.told_apart, binding, direct, [score for score, _ in retrieved[1:]])
    exact = measures.mean(runs.right)[0]
    rows = [
        (layer, mixer, *b, *d, *r, group, len(asking), exact, runs.told_apart, found.route, found.layer)
        for layer, (mixer, b, d, (r, group)) in enumerate(zip(mixers, binding, direct, retrieved, strict=True))
    ]
    return framed("scores", rows)


# ---- from the table of all cells: routes, figures, sentences


def routes(study: "Study", scores: "pd.DataFrame") -> "pd.DataFrame":
    """By which route the seeds of an architecture recall: one row per task and architecture, seeds counted by route."""
    import pandas as pd

    cells = scores.drop_duplicates(["variant", "architecture", "seed"])
    cells = cells[cells["prompts"] > 0]
    counted = [
        {"variant": variant, "architecture": architecture, "seeds": len(mine)}
        | {route: int((mine["verdict"] == route).sum()) for route in ROUTES}
        | {"exact_match": mine["exact_match"].mean(), "answers": " ".join(map(str, sorted(set(mine["answers"]) - {0})))}
        for (variant, architecture), mine in cells.groupby(["variant", "architecture"], sort=False)
    ]
    return pd.DataFrame(counted, columns=list(SEEDS_BY_ROUTE))


SEEDS_BY_ROUTE = {
    **STACK,
    "seeds": Column(int, "that were asked", "cells"),
    **{route: Column(int, "those with this verdict", "cells") for route in ROUTES},
    "exact_match": Column(float, "over the prompts asked, mean over seeds", "share"),
    "answers": Column(str, "the layers that answer, each once"),
}


def draw_routes(study: "Study", routes: "pd.DataFrame") -> "Drawing":
    """How many seeds of each architecture recall by which route, per task."""
    from lolameme.analyses._drawing import ROUTE_COLOURS
    from lolameme.drawing.panels import nothing, tasks_side_by_side
    from lolameme.study.architectures import label

    tasks, names = list(routes["variant"].unique()), list(routes["architecture"].unique())
    if not tasks:
        return nothing("No task of this study binds names that could be exchanged.")
    figure, axes = tasks_side_by_side(len(tasks), 2.4, 0.34 * len(names) + 1.7)
    for ax, task in zip(axes, tasks, strict=True):
        mine = routes[routes["variant"] == task].set_index("architecture").reindex(names)
        left = 0 * mine["seeds"].fillna(0)
        for route, colour in ROUTE_COLOURS.items():
            width = mine[route].fillna(0)
            ax.barh(range(len(names)), width, left=left, color=colour, label=route, height=0.72)
            left = left + width
        for y, exact in enumerate(mine["exact_match"]):
            if exact == exact:
                ax.text(left.max() * 1.03, y, f"{exact:.2f}", va="center", fontsize=8)
        ax.set(title=task, xlabel="seeds", xlim=(0, left.max() * 1.25), ylim=(len(names) - 0.4, -0.6))
        ax.set_xticks(range(int(left.max()) + 1))
    axes[0].set_yticks(range(len(names)), [label(name) for name in names])
    handles, texts = axes[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return figure


def draw_scores(study: "Study", scores: "pd.DataFrame") -> "Drawing":
    """What is bound at values, what decides at the answer sign, and what retrieves, layer by layer."""
    from lolameme.analyses._drawing import SCORE_COLOURS, UNNOTICED, grid, layer_ticks
    from lolameme.drawing.panels import nothing

    known = scores[scores["binding"].notna()]
    if known.empty:
        return nothing("No cell of this study tells apart programs in which two names are exchanged.")
    figure, axes, panels = grid(study, known, width=1.5, height=1.5, below="layer", absent=UNNOTICED)
    for ax, mine in panels:
        for score, colour in SCORE_COLOURS.items():
            for _, cell in mine[mine[score].notna()].groupby("seed"):
                ax.plot(cell["layer"], cell[score], "o-", color=colour, markersize=3, linewidth=1.2, alpha=0.8)
        ax.set(ylim=(-0.08, 1.08), xticks=layer_ticks(study.model.layers))
    handles = [axes[0][0].plot([], [], "o-", color=colour, markersize=3)[0] for colour in SCORE_COLOURS.values()]
    figure.tight_layout(rect=(0, 0.09 / len(axes) + 0.02, 1, 1))
    texts = ["bound at the values", "decided at the answer sign", "retrieved by the layer"]
    figure.legend(handles, texts, loc="lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def findings(tables: "dict[str, pd.DataFrame]") -> list[str]:
    """Routes, where all seeds of an architecture take the same one."""
    from lolameme.study.architectures import label

    said = []
    cells = tables["scores"].drop_duplicates(["variant", "architecture", "seed"])
    for (variant, architecture), mine in cells.groupby(["variant", "architecture"], sort=False):
        if mine["verdict"].nunique() > 1 or mine["verdict"].iloc[0] not in (BIND, DIRECT):
            continue
        exact = mine["exact_match"].mean()
        layers = sorted(set(mine["answers"]))
        where = f"layer{'s' if len(layers) > 1 else ''} {', '.join(map(str, layers))}"
        how = (
            "binds names to their values, then looks them up" if mine["verdict"].iloc[0] == BIND else "answers directly"
        )
        said.append(
            f"{variant}: {label(architecture)} {how} in {where} ({seeds.all_of(len(mine))}; exact match {exact:.2f} "
            "over these prompts)."
        )
    return said


TABLES = [
    Table(
        "routes",
        ("scores",),
        routes,
        "By which route the seeds of an architecture recall what a program bound, exact match over the prompts asked, "
        "and the layers that answer.",
        columns=SEEDS_BY_ROUTE,
    )
]
FIGURES = [
    Figure(
        "routes",
        ("routes",),
        draw_routes,
        lambda study: (
            f"Seeds by the route by which they recall what a program bound ({study.counted_seeds} each), by fixed "
            "rules from binding, direct and retrieval score. A route says how names that are told apart reach the "
            "answer, not that it is right: read it with the numbers, mean exact match over the prompts asked."
        ),
        section="Mechanism",
    ),
    Figure(
        "scores",
        ("scores",),
        draw_scores,
        lambda study: (
            "After each layer: how far the answer follows when the two values whose names were exchanged are patched "
            "(bound at the values), or the answer sign (decided there); and how much of what the layer gathers at the "
            "answer sign comes from the value looked for, beyond the other values (retrieved). One line per seed; "
            "cells that do not notice the exchange have no scores."
        ),
        section="Mechanism",
    ),
]
