"""Probes: what a linear reader finds in the residual stream, and whether that is more than a control task finds."""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.analyses import _seeds as seeds
from lolameme.analyses._asked import Count
from lolameme.study.exhibits import INTERVAL, SEEDS, STACK, Column, Figure, Table
from lolameme.study.sections import Section

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from lolameme.analyses._trained import Trained
    from lolameme.study.config import Study

TITLE = "What a linear reader finds"
ABOUT = {  # what is probed for, and at which tokens
    "name bound": "value",
    "name asked": "answer sign",
    "value": "answer sign",
    "language": "answer sign",
    "type": "answer sign",
}
READABLE = 0.8  # accuracy from which on something is said to be readable
PROGRAMS = "programs"
TRAINED, RANDOM = "trained", "random"


class Settings(Section):
    """How probes are fitted."""

    prompts: Count = Field(256, description="prompts, half of them to fit on")


COLUMNS = {
    "about": Column(str, "what is probed for"),
    "role": Column(str, "of the tokens where it is looked for"),
    "layer": Column(int, "the stream is read after so many layers; 0: the embedding", "layers"),
    "held_out": Column(str, "what the test examples do not share with those fitted: programs, or names, too"),
    "weights": Column(str, "trained; random: those that the cell began with, the floor"),
    "examples": Column(int, "tested", "tokens"),
    "classes": Column(int, "that there are to tell apart", "classes"),
    "accuracy": Column(float, "of test examples told right", "share"),
    "low": Column(float, "where its 95 % bootstrap interval over test examples starts", "share"),
    "high": Column(float, "where it ends", "share"),
    "control": Column(float, "accuracy on random labels of the same kinds", "share"),
    "selectivity": Column(float, "accuracy minus control", "share"),
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per thing probed for, layer, held-out set and kind of weights; none where it takes a single value."""
    import numpy as np

    from lolameme.analyses import _measures as measures
    from lolameme.analyses._activations import streams
    from lolameme.analyses._frames import framed
    from lolameme.analyses._labels import labels
    from lolameme.analyses._pairs import pairs
    from lolameme.analyses._ridge import Examples, accuracies, controlled
    from lolameme.base.seeds import generator

    rows: list[tuple] = []
    asking = pairs(cell, "query", settings.prompts) or pairs(cell, "global", settings.prompts)
    if asking is None:
        return framed("probes", rows)
    found = labels(cell, asking)
    for weights, model in ((TRAINED, cell.model), (RANDOM, cell.at_the_start())):
        stream = [x.cpu().numpy() for x in streams(model, asking.clean)[1]]
        for about, known in found.items():
            for held_out, train, test in known.divisions(len(asking)):
                if len(np.unique(known.classes[train])) < 2 or not len(test):
                    continue
                for layer, x in enumerate(stream):
                    examples = Examples(x[known.program, known.place], known.classes, known.kinds)
                    control = controlled(examples, generator(0, "control labels", about))
                    (told,) = accuracies(examples[train], [examples[test]])
                    (by_chance,) = accuracies(control[train], [control[test]])
                    accuracy, low, high = measures.mean(told.astype(float))
                    row = (about, ABOUT[about], layer, held_out, weights, len(test), len(np.unique(known.classes)))
                    controlled_accuracy = float(by_chance.mean())
                    rows.append((*row, accuracy, low, high, controlled_accuracy, accuracy - controlled_accuracy))
    return framed("probes", rows)


# ---- from the table of all cells: means over seeds, a figure, sentences


def over_seeds(study: "Study", probes: "pd.DataFrame") -> "pd.DataFrame":
    """What probes tell: accuracy and selectivity, means over seeds with their 95 % intervals."""
    import pandas as pd

    keys = [*seeds.KEYS, "about", "role", "layer", "held_out", "weights"]
    rows = [
        (*names, len(cells), *seeds.mean(cells["accuracy"]), *seeds.mean(cells["selectivity"]))
        for names, cells in probes.groupby(keys, sort=False)
    ]
    return pd.DataFrame(rows, columns=list(ACCURACIES))


ACCURACIES = {
    **STACK,
    **{name: COLUMNS[name] for name in ("about", "role", "layer", "held_out", "weights")},
    **SEEDS,
    "accuracy": Column(float, "of test examples told right, mean over seeds", "share"),
    **INTERVAL,
    "selectivity": Column(float, "accuracy minus that on random labels of the same kinds, mean over seeds", "share"),
    "selectivity_low": Column(float, "where its 95 % t interval over seeds starts", "share"),
    "selectivity_high": Column(float, "where it ends", "share"),
}


def draw(study: "Study", probes: "pd.DataFrame") -> "Drawing":
    """What a linear reader finds after each layer, beside the same stack with random weights and a control task."""
    from lolameme.analyses._drawing import PROBE_STYLES, grid, layer_ticks
    from lolameme.drawing.panels import nothing

    shown = probes[(probes["held_out"] == PROGRAMS) & probes["about"].isin(["name bound", "value"])]
    if shown.empty:
        return nothing("No task of this study asks for locals or globals.")
    shown = shown.assign(row=shown["variant"] + "\n" + shown["about"])
    figure, axes, panels = grid(
        study, shown, width=1.5, height=1.4, below="after layer", absent="not asked", rows="row"
    )
    for ax, mine in panels:
        trained, random = (mine[mine["weights"] == weights].groupby("layer") for weights in (TRAINED, RANDOM))
        curves = (trained["accuracy"].mean(), random["accuracy"].mean(), trained["control"].mean())
        for curve, style in zip(curves, PROBE_STYLES.values(), strict=True):
            ax.plot(curve.index, curve, **style)
        ax.set(ylim=(-0.05, 1.08), xticks=layer_ticks(study.model.layers))
    handles = [axes[0][0].plot([], [], **style)[0] for style in PROBE_STYLES.values()]
    figure.tight_layout(rect=(0, 0.35 / figure.get_figheight(), 1, 1))
    figure.legend(handles, PROBE_STYLES, loc="lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def findings(tables: "dict[str, pd.DataFrame]") -> list[str]:
    """Where random weights hold a name at its value as readably as trained ones: there a probe alone would mislead."""
    from lolameme.study.architectures import label

    said = []
    for (variant, architecture), cells in tables["probes"].groupby(seeds.KEYS, sort=False):
        at_values = cells[(cells["about"] == "name bound") & (cells["held_out"] == PROGRAMS) & (cells["layer"] > 0)]
        floor = at_values[at_values["weights"] == RANDOM].groupby("seed", as_index=False)["low"].max()
        every = set(cells["seed"])
        if seeds.agree(floor, floor["low"] > READABLE, every):
            said.append(
                f"{variant}: in {label(architecture)} a linear reader finds which name a value is bound to with random "
                f"weights already (accuracy above {READABLE} in {seeds.all_of(len(every))}): that it is there does not "
                "say that it is used."
            )
    return said


TABLES = [
    Table(
        "probe_accuracies",
        ("probes",),
        over_seeds,
        "Accuracy of linear probes of the residual stream, and how far it exceeds that on random labels (selectivity). "
        "Means over seeds, 95 % t intervals.",
        columns=ACCURACIES,
    )
]
FIGURES = [
    Figure(
        "probes",
        ("probes",),
        draw,
        lambda study: (
            "Accuracy of linear probes of the residual stream on programs that they were not fitted on: which name a "
            "value is bound to, read at the value; and the answer, read at the answer sign. Beside them the same stack "
            "with random weights, and random labels for the same things (control task). Mean over "
            f"{study.counted_seeds}."
        ),
        section="Mechanism",
    )
]
