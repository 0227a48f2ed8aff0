"""Rebinding: whether answers follow the pairs of the prompt when these are deranged after training.

The control of recall: in the partner of a prompt every assignment assigns what the next one did. Who reads the prompt
answers what it says now; who answers the old value knows it from elsewhere, which would be a leak, or reads the pair
beside it, where that value now stands.
"""

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

TITLE = "Whether answers follow deranged pairs"
ANSWERS = {  # words and colour of a legend
    "before": ("right, as written", "#0072B2"),
    "new": ("right, deranged", "#009E73"),
    "old": ("old value, deranged", "#D55E00"),
}


class Settings(Section):
    """How many prompts are deranged."""

    prompts: Count = Field(128, description="prompts whose pairs are deranged")


COLUMNS = {
    "answer": Column(
        str, "before: right on the prompts as they are; of deranged ones, new: what they say now, old: what they said"
    ),
    "prompts": Column(int, "that are deranged", "prompts"),
    "share": Column(float, "of prompts with that first token of an answer", "share"),
    "low": Column(float, "where its 95 % bootstrap interval over prompts starts", "share"),
    "high": Column(float, "where it ends", "share"),
    "guess": Column(float, "what a value of the program, picked at random, would have", "share"),
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per answer; none where no prompt can be deranged."""
    import numpy as np

    from lolameme.analyses import _measures as measures
    from lolameme.analyses._activations import streams
    from lolameme.analyses._frames import framed
    from lolameme.analyses._pairs import pairs
    from lolameme.analyses._prompts import there

    asking = pairs(cell, "rebinding", settings.prompts)
    if asking is None:
        return framed("rebinding", [])
    clean, partner = (
        measures.choices(cell.model, streams(cell.model, tokens)[0], asking)
        for tokens in (asking.clean, asking.partner)
    )
    right, new = (tokens.cpu().numpy() for tokens in (asking.right, asking.other))
    # both programs of a pair have the same values; those equal to the answer are the right ones
    chances = [
        np.mean([prompt.at(there(prompt.statements[i].value)) == prompt.answer for i in prompt.assignments])
        for prompt, _ in asking.prompts
    ]
    guess = float(np.mean(chances))
    told = {"before": clean == right, "new": partner == new, "old": partner == right}
    rows = [(name, len(asking), *measures.mean(hits.astype(float)), guess) for name, hits in told.items()]
    return framed("rebinding", rows)


# ---- from the table of all cells: means over seeds, a figure, sentences


def over_seeds(study: "Study", rebinding: "pd.DataFrame") -> "pd.DataFrame":
    """How often each answer is given: mean over seeds, with the 95 % interval over them."""
    import pandas as pd

    rows = [
        (*names, len(cells), *seeds.mean(cells["share"]), cells["guess"].mean())
        for names, cells in rebinding.groupby([*seeds.KEYS, "answer"], sort=False)
    ]
    return pd.DataFrame(rows, columns=list(SHARES))


SHARES = {
    **STACK,
    "answer": COLUMNS["answer"],
    **SEEDS,
    "share": Column(float, "of prompts with that first token of an answer, mean over seeds", "share"),
    **INTERVAL,
    "guess": Column(float, "what a value of the program, picked at random, would have, mean over seeds", "share"),
}


def draw(study: "Study", rebinding: "pd.DataFrame") -> "Drawing":
    """A panel per task, a row per stack: mean shares over seeds, a point per seed, guessing as a dashed line."""
    from lolameme.drawing.panels import nothing, tasks_side_by_side
    from lolameme.study.architectures import label

    if rebinding.empty:
        return nothing("No task of this study has pairs that could be deranged.")
    tasks, names = list(rebinding["variant"].unique()), list(rebinding["architecture"].unique())
    figure, axes = tasks_side_by_side(len(tasks), 3.2, 0.45 * len(names) + 1.3)
    for ax, task in zip(axes, tasks, strict=True):
        mine = rebinding[rebinding["variant"] == task]
        for (answer, (words, colour)), lift in zip(ANSWERS.items(), (-0.22, 0, 0.22), strict=True):
            rows = mine[mine["answer"] == answer]
            places = rows["architecture"].map(names.index) + lift
            ax.plot(rows["share"], places, ".", color=colour, alpha=0.5, markersize=5)
            means = rows.groupby("architecture", sort=False)["share"].mean()
            ax.plot(means, [names.index(name) + lift for name in means.index], "D", color=colour, label=words)
        ax.axvline(mine["guess"].mean(), color="grey", linestyle="--", linewidth=1)
        ax.set(title=task, xlim=(-0.04, 1.04), xlabel="share of prompts", yticks=range(len(names)))
        ax.set_yticklabels([label(name) for name in names])
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def findings(tables: "dict[str, pd.DataFrame]") -> list[str]:
    """Stacks that answer old values above guessing, by a binomial test per cell, corrected for all cells (Holm). Else
    that it shows in no cell, which does not say that there is none."""
    import numpy as np
    from scipy.stats import binomtest

    from lolameme.statistics.means import ALPHA
    from lolameme.statistics.verdicts import corrected
    from lolameme.study.architectures import label

    rows = tables["rebinding"]
    rows, said = rows[rows["answer"] == "old"], []
    p = [
        binomtest(round(row.share * row.prompts), row.prompts, row.guess, alternative="greater").pvalue
        for row in rows.itertuples()
    ]
    rows = rows.assign(leaks=corrected(np.array(p)) < ALPHA)
    for variant, of_task in rows.groupby("variant", sort=False):
        leaks, guess = of_task[of_task["leaks"]], of_task["guess"].mean()
        if leaks.empty:
            said.append(
                f"{variant}: with its pairs deranged, in no cell are old values surely more frequent than guessing "
                f"among the program's values would make them ({guess:.2f})."
            )
        for architecture, cells in leaks.groupby("architecture", sort=False):
            said.append(
                f"{variant}, {label(architecture)}: with its pairs deranged, {len(cells)} of "
                f"{(of_task['architecture'] == architecture).sum()} cells still answer the old value more often than "
                f"guessing would ({cells['share'].mean():.2f}): they know it from elsewhere than the prompt, or "
                "read the pair beside it."
            )
    return said


TABLES = [
    Table(
        "rebinding_shares",
        ("rebinding",),
        over_seeds,
        "How often a stack answers what prompts say, as they are and with their pairs deranged, and how often what "
        "deranged ones said before. Mean over seeds, 95 % t interval.",
        columns=SHARES,
    )
]
FIGURES = [
    Figure(
        "rebinding",
        ("rebinding",),
        draw,
        lambda study: (
            "Prompts as they are, and with their pairs deranged after training, so that every name has the value of "
            "another: how often a stack answers what the prompt says, and how often what it said before. A diamond is "
            "a mean over seeds, a point a seed; dashed: guessing among the values of the program. Old values above it "
            "would be known from elsewhere than the prompt, or read from the pair beside it."
        ),
        section="Mechanism",
    )
]
