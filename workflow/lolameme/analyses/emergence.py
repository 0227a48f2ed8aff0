"""Emergence: what a cell has first, measured at the snapshots of its training: binding, retrieval, or right answers.

The scores are those of the analysis `scores`, of the weights after every step that `training.snapshots` names and at
the end. They are read at the layer that answers at the end: what is bound at the values before it, what it retrieves,
what the answer sign decides after it.
"""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from lolameme.analyses import scores
from lolameme.analyses._asked import Count
from lolameme.study import exhibits
from lolameme.study.exhibits import Column, Figure, Table
from lolameme.study.sections import Section

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from lolameme.analyses._trained import Trained
    from lolameme.study.config import Study

TITLE = "What comes first"
CELL = list(exhibits.CELL)
EXACT = "exact match"
REACHED = {"binding": 0.5, "direct": 0.5, "retrieval": 0.2, EXACT: 0.5}  # the thresholds of the verdict
SAID = {
    "binding": "names are bound at the values",
    "direct": "the answer sign decides",
    "retrieval": "the layer that answers retrieves the value",
    EXACT: "half of the prompts are answered right",
}


class Settings(Section):
    """How the scores are measured at every snapshot."""

    prompts: Count = Field(128, description="pairs of prompts that exchange two names")

    def check(self, study: "Study") -> None:
        """Raises ValueError if no cell of the study would have a snapshot."""
        if not study.keeps_snapshots:
            steps = study.training.steps
            raise ValueError(
                "it compares weights over training, but training.snapshots names no step; add some, such as "
                f"[{steps // 4}, {steps // 2}], or drop the analysis"
            )


COLUMNS = {
    "step": Column(int, "of the optimiser, after which these weights were kept; 0: before the first", "steps"),
    **scores.COLUMNS,
}
_END = {
    **exhibits.CELL,
    "verdict": Column(str, "on the cell at the end of its training"),
    "answers": Column(int, "the layer that answers at the end, 0 where none does"),
}
CURVES = {
    **_END,
    "step": COLUMNS["step"],
    "score": Column(str, "what is measured: binding, direct, retrieval, or exact match"),
    "value": Column(float, "what it is", "share"),
    "low": Column(float, "where its 95 % interval over prompts starts", "share"),
    "high": Column(float, "where it ends", "share"),
}
ONSETS = {
    **_END,
    "score": CURVES["score"],
    "threshold": Column(float, "above which it counts as there", "share"),
    "before": Column(float, "the step measured last before `reached`; NaN: there is none", "steps"),
    "reached": Column(float, "the first step from which on the interval stays above the threshold; NaN: none", "steps"),
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """The rows of `scores` for every snapshot and for the end; the end alone where training kept no snapshot."""
    import pandas as pd

    asked = scores.Settings(prompts=settings.prompts)
    frames = [scores.measure(then, asked).assign(step=step) for step, then in cell.over_training()]
    return pd.concat(frames, ignore_index=True)


# ---- from the table of all cells: curves, when each score is reached, a figure, sentences


def curves(study: "Study | None", emergence: "pd.DataFrame") -> "pd.DataFrame":
    """What became of each score over training, read at the layer that answers at the end; where none does, exact match
    alone. `low` and `high`: 95 % interval over prompts, of exact match by Wilson."""
    import pandas as pd
    from scipy.stats import binomtest

    rows = []
    for names, cell in emergence[emergence["prompts"] > 0].groupby(CELL, sort=False):
        end = cell[cell["step"] == cell["step"].max()].iloc[0]
        facts = (*names, end["verdict"], int(end["answers"]))
        for step, now in cell.groupby("step"):
            now = now.set_index("layer")
            exact, prompts = now["exact_match"].iloc[0], int(now["prompts"].iloc[0])
            between = binomtest(round(exact * prompts), prompts).proportion_ci(method="wilson")
            rows.append((*facts, step, EXACT, exact, between.low, between.high))
            if end["answers"]:
                for score, layer in (("binding", -1), ("direct", 0), ("retrieval", 0)):
                    there = now.loc[end["answers"] + layer]
                    rows.append((*facts, step, score, *(there[f"{score}{of}"] for of in ("", "_low", "_high"))))
    return pd.DataFrame(rows, columns=list(CURVES))


def onsets(study: "Study | None", emergence_curves: "pd.DataFrame") -> "pd.DataFrame":
    """From which step on each score stays above its threshold with its whole interval; NaN: not even at the end.

    `before` is the step measured last before that, NaN if it is so from the first step measured on.
    """
    import pandas as pd

    keys, rows = [*CELL, "verdict", "answers", "score"], []
    for names, curve in emergence_curves.groupby(keys, sort=False):
        steps, above = curve["step"].to_numpy(), (curve["low"] > REACHED[names[-1]]).to_numpy()
        first = len(above) - int(above[::-1].cumprod().sum())  # of the run of steps above that ends training
        reached = float(steps[first]) if first < len(steps) else float("nan")
        rows.append((*names, REACHED[names[-1]], float(steps[first - 1]) if first else float("nan"), reached))
    return pd.DataFrame(rows, columns=list(ONSETS))


def draw(study: "Study", emergence_curves: "pd.DataFrame") -> "Drawing":
    """Scores and exact match over the steps of training: architectures by tasks, a line per seed."""
    from lolameme.analyses._drawing import SCORE_COLOURS, grid
    from lolameme.drawing.panels import nothing
    from lolameme.drawing.style import INK, QUIET

    if emergence_curves.empty:
        return nothing("No task of this study binds names that could be exchanged.")
    figure, axes, panels = grid(study, emergence_curves, width=1.7, height=1.6, below="step", absent="not asked")
    common: dict[str, Any] = {"marker": "o", "markersize": 2.5, "linewidth": 1.2}
    styles = {score: common | {"color": colour} for score, colour in SCORE_COLOURS.items()}
    styles["binding"] |= {"linewidth": 3, "alpha": 0.5}  # it often lies under what is decided at the answer sign
    styles[EXACT] = common | {"color": INK, "linestyle": "--"}
    for ax, mine in panels:
        for score, style in styles.items():
            for _, curve in mine[mine["score"] == score].groupby("seed"):
                ax.plot(curve["step"], curve["value"], **style)
        if not mine["answers"].any():
            ax.text(0.04, 0.93, "no layer answers", transform=ax.transAxes, va="top", fontsize=7.5, color=QUIET)
        ax.set(ylim=(-0.08, 1.08))
    handles = [axes[0][0].plot([], [], **style)[0] for style in styles.values()]
    figure.tight_layout(rect=(0, 0.12 / len(axes) + 0.02, 1, 1))
    texts = ["bound at the values", "decided at the answer sign", "retrieved by the layer", "exact match"]
    figure.legend(handles, texts, loc="lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def findings(tables: "dict[str, pd.DataFrame]") -> list[str]:
    """What comes before all else: said where, in every seed, it is reached while all others surely are not."""
    from lolameme.analyses import _seeds as seeds
    from lolameme.study.architectures import label

    said = []
    drawn = curves(None, tables["emergence"])
    reached = onsets(None, drawn)
    asked = (
        tables["emergence"].groupby(seeds.KEYS)["seed"].nunique()
    )  # those that can be asked nothing are counted, too
    for (variant, architecture), cells in reached.groupby(seeds.KEYS, sort=False):
        n = asked[variant, architecture]
        there = cells[cells["reached"].notna()].groupby("score", sort=False)
        scores_there = [score for score, mine in there if len(mine) == n]  # in the end, in every seed
        mine = drawn[(drawn["variant"] == variant) & (drawn["architecture"] == architecture)]
        for first in scores_there:
            at = cells[cells["score"] == first].set_index("seed")["reached"]
            then = mine[(mine["step"] == mine["seed"].map(at)) & mine["score"].isin(scores_there)]
            others = then[then["score"] != first]
            if len(others) == 0 or (others["high"] >= others["score"].map(REACHED)).any():
                continue
            when, exact = (_steps(cells.loc[cells["score"] == score, "reached"]) for score in (first, EXACT))
            later = (
                f"; half of the prompts are answered right from {exact} on"
                if EXACT in scores_there and first != EXACT
                else ""
            )
            said.append(
                f"{variant}: in {label(architecture)} {SAID[first]} from {when} on, before anything else is in place"
                f"{later} ({seeds.all_of(n)})."
            )
    return said


def _steps(reached: "pd.Series") -> str:
    low, high = int(reached.min()), int(reached.max())
    return f"step {low}" if low == high else f"steps {low} to {high}"


TABLES = [
    Table(
        "emergence_curves",
        ("emergence",),
        curves,
        "Binding, direct and retrieval score and exact match at every snapshot of every cell, read at the layer that "
        "answers at the end, with 95 % intervals over prompts.",
        columns=CURVES,
    ),
    Table(
        "onsets",
        ("emergence_curves",),
        onsets,
        "The step from which on a score stays above its threshold with its whole 95 % interval over prompts, and the "
        "step measured last before that.",
        columns=ONSETS,
    ),
]
FIGURES = [
    Figure(
        "emergence",
        ("emergence_curves",),
        draw,
        lambda study: (
            "Over training: what is bound at the values before the layer that answers at the end, what that layer "
            "retrieves, what the answer sign decides after it, and exact match over the prompts asked. One line per "
            f"seed ({study.counted_seeds}); scores are missing while a cell does not tell apart programs in which two "
            "names are exchanged."
        ),
        section="Mechanism",
    )
]
