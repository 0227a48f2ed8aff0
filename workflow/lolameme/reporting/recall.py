"""What weights and programs hold: exact match by the number of facts, of bindings, by distance, across languages."""

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure as Drawing

from lolameme.drawing.panels import name_at_the_right, nothing, panels
from lolameme.drawing.style import QUIET, colours, lines, markers
from lolameme.study.architectures import label
from lolameme.study.config import Study
from lolameme.study.exhibits import Figure


def memorised(study: Study) -> dict[str, int]:
    """Variants that ask for nothing but the values of global variables, and how many there are of these."""
    return {
        name: variant.world.globals
        for name, variant in study.variants.items()
        if variant.task == "lolameme" and variant.program.global_share == 1 and variant.program.operands[1] == 1
    }


def recalled(study: Study) -> dict[str, tuple[int, int]]:
    """Variants that ask for values bound in the program, and the least and most bindings of a training program."""
    found = {}
    for name, variant in study.variants.items():
        if variant.task == "lolameme" and variant.program.global_share < 1:
            found[name] = variant.program.assignments
        elif variant.task == "mqar":
            found[name] = variant.program.pairs
    return found


def transferred(study: Study) -> list[tuple[str, str, str]]:
    """Variants in two languages that ask for facts in the language they were taught in, and in the other one.

    A variant with its two splits, which differ in `ask` alone.
    """
    found = []
    for name, variant in study.variants.items():
        if variant.task == "lolameme" and len(variant.languages) == 2:
            programs = variant.programs()
            for split, program in programs.items():
                twin = program.model_copy(update={"ask": "taught"})
                taught = [other for other in programs if other in variant.tests and programs[other] == twin]
                if program.ask == "untaught" and taught:
                    found.append((name, taught[0], split))
    return found


def memory(study: Study, leaderboard: pd.DataFrame) -> Drawing:
    """How many facts the weights hold: exact match against the number of global variables."""
    sizes = memorised(study)
    test = leaderboard[(leaderboard["split"] == "test") & leaderboard["variant"].isin(sizes)]
    test = test.assign(variables=test["variant"].map(sizes)).sort_values("variables")
    names = list(test["architecture"].unique())
    palette, shapes, styles = colours(names), markers(names), lines(names)
    figure, ax = plt.subplots(figsize=(6.4, 3.8))
    for name in names:
        mine = test[test["architecture"] == name]
        error = [mine["exact_match"] - mine["low"], mine["high"] - mine["exact_match"]]
        ax.errorbar(
            mine["variables"],
            mine["exact_match"],
            error,
            marker=shapes[name],
            linestyle=styles[name],
            color=palette[name],
            capsize=3,
        )
    ends = test[test["variables"] == test["variables"].max()].set_index("architecture")["exact_match"]
    name_at_the_right(ax, ends, palette)
    counts = sorted(set(sizes.values()))
    ax.set(xscale="log", xlabel="global variables", ylabel="exact match", ylim=(-0.03, 1.03))
    ax.set_xticks(counts, [str(n) for n in counts])
    ax.minorticks_off()
    figure.tight_layout()
    return figure


def alike(study: Study, variant: str) -> list[str]:
    """The test splits of a variant that differ from `test` in nothing but how many bindings a program has.

    Only these can share an axis: on others a curve would show what else they change.
    """
    bindings = "pairs" if study.variants[variant].task == "mqar" else "assignments"
    programs = study.variants[variant].programs()
    usual = programs["test"].model_copy(update={bindings: None})
    return [
        name for name in study.variants[variant].tests if programs[name].model_copy(update={bindings: None}) == usual
    ]


def sliced(study: Study, slices: pd.DataFrame, column: str, text: str) -> Drawing:
    """Exact match against a property of the query: splits apart, and only those that differ in length alone.

    `column` is `assignments` (how many bindings the program has) or `distance` (statements from binding to query).
    """
    rows = slices[(slices["column"] == column) & slices["variant"].isin(recalled(study))]
    rows = rows.assign(value=rows["value"].astype(int)).query("value >= 0")  # -1: the variable is global
    shown = [(name, alike(study, name)) for name in recalled(study) if name in set(rows["variant"])]
    if not shown:
        return nothing("No task of this study has programs that differ in this.")
    if column == "distance":  # all splits have all distances, so each needs a panel of its own
        shown = [(name, [split]) for name, splits in shown for split in splits]
    titles = [f"{name} · {splits[0]}" if column == "distance" else name for name, splits in shown]
    figure, axes = panels(titles, height=3.4)
    names = list(rows["architecture"].unique())
    palette, shapes, styles = colours(names), markers(names), lines(names)
    for ax, (variant, splits) in zip(axes, shown, strict=True):
        mine, ends = rows[rows["variant"] == variant], {}
        for split in splits:
            for name in names:
                cells = mine[(mine["split"] == split) & (mine["architecture"] == name)]
                curve = cells.groupby("value")["exact_match"].agg(["mean", "min", "max"])
                if curve.empty:
                    continue
                ax.fill_between(curve.index, curve["min"], curve["max"], color=palette[name], alpha=0.12, linewidth=0)
                ax.plot(
                    curve.index, curve["mean"], color=palette[name], linestyle=styles[name], marker=shapes[name],
                    markersize=5, linewidth=1.4, markeredgewidth=0.4,
                )  # fmt: skip
                ends[name] = curve["mean"].iloc[-1]
            of_split = mine.loc[mine["split"] == split, "value"]
            if len(splits) > 1 and len(of_split):
                ax.text(of_split.median(), 1.03, split, ha="center", va="bottom", fontsize=7.5, color=QUIET)
        if column == "assignments":
            low, high = recalled(study)[variant]
            ax.axvspan(low - 0.25, high + 0.25, color=QUIET, alpha=0.12, linewidth=0)
        name_at_the_right(ax, pd.Series(ends), palette)
        ax.set(xlabel=text, ylabel="exact match" if ax.get_subplotspec().is_first_col() else "", ylim=(-0.03, 1.1))
        ax.xaxis.set_major_locator(plt.MaxNLocator(6, integer=True))
    figure.tight_layout(w_pad=3.5)
    return figure


def transfer(study: Study, slices: pd.DataFrame) -> Drawing:
    """Facts taught in one language and asked in another: per architecture a matrix of exact match."""
    import seaborn as sns

    variant, taught, untaught = transferred(study)[0]
    rows = slices[(slices["variant"] == variant) & (slices["column"] == "language")]
    rows = rows.assign(hits=rows["exact_match"] * rows["queries"])
    languages = sorted(rows["value"].unique())
    names = list(rows["architecture"].unique())
    columns = min(6, len(names))
    height = math.ceil(len(names) / columns)
    figure, grid = plt.subplots(height, columns, figsize=(2.1 * columns + 0.6, 2.2 * height), squeeze=False)
    for ax in grid.flat[len(names) :]:
        ax.remove()
    for ax, name in zip(grid.flat, names, strict=False):
        sums = rows[rows["architecture"] == name].groupby(["split", "value"])[["hits", "queries"]].sum()
        found = sums["hits"] / sums["queries"]
        first, second = languages
        matrix = pd.DataFrame(
            [[found[taught, first], found[untaught, second]], [found[untaught, first], found[taught, second]]],
            languages,
            languages,
        )
        sns.heatmap(matrix, annot=True, fmt=".2f", vmin=0, vmax=1, cmap="cividis", cbar=False, ax=ax, linewidths=1)
        ax.set_title(label(name))
        ax.set(xlabel="asked in", ylabel="taught in" if ax.get_subplotspec().is_first_col() else "")
        ax.tick_params(length=0)
    figure.tight_layout()
    return figure


def of_queries(name: str, column: str, text: str, caption: str) -> Figure:
    """A figure of exact match by a property of the query, as `sliced` draws it."""
    return Figure(
        name,
        ("slices",),
        lambda study, slices: sliced(study, slices, column, text),
        lambda study: f"Exact match against {caption} Lines: mean over {study.counted_seeds}; bands: their range.",
        section="Recall",
        when=lambda study: bool(recalled(study)),
        variants=lambda study: list(recalled(study)),
        small=True,
    )


FIGURES = [
    Figure(
        "memory",
        ("leaderboard",),
        memory,
        lambda study: "What the weights hold: exact match against the number of global variables, with 95 % intervals.",
        section="Recall",
        when=lambda study: len(memorised(study)) > 1,
        variants=lambda study: list(memorised(study)),
        small=True,
    ),
    of_queries(
        "length",
        "assignments",
        "assignments in the program",
        "the number of assignments in the program: the test split, and splits that differ from it in that number "
        "alone, each a curve of its own. Shaded: the training programs.",
    ),
    of_queries(
        "distance",
        "distance",
        "statements from binding to query",
        "the number of statements from binding to query: the test split, and splits that differ from it in the number "
        "of assignments alone, each a panel of its own.",
    ),
    Figure(
        "transfer",
        ("slices",),
        transfer,
        lambda study: "Facts taught in one language and asked in another: exact match, mean over the seeds.",
        section="Recall",
        when=lambda study: bool(transferred(study)),
        variants=lambda study: [variant for variant, _, _ in transferred(study)[:1]],
    ),
]
