"""The recipe: which learning rate, by width and batch, and which betas, decay, warm-up and initialisation train these
stacks; measured as the steps that a run needs until it answers nine of ten questions.

    python benchmarks/recipe.py [FOLDER] [--minutes M]

Runs go one after another on one thread, the most telling first. Each adds a line to FOLDER/runs.jsonl, and none that
has its line is run again: the command goes on where it was stopped. No run begins after M minutes; then the tables are
written from what has run, so that `--minutes 0` writes them alone. The runs are kept beside the tables (recipe.jsonl).
"""

import argparse
import shutil
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean, median
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from common import ROOT, keep, table
from recipe_runs import (
    BATCHES,
    CHANGED,
    CHANGES,
    ENOUGH,
    GIVEN,
    LOOK,
    RATES,
    RUNS,
    SEEDS,
    STACKS,
    TASKS,
    WIDTHS,
    Run,
    finished,
    grid,
    measure,
)

from lolameme.drawing import style
from lolameme.statistics.lock_in import censored
from lolameme.study.architectures import label

Row = dict[str, Any]  # what came of a run


def of(done: dict[Run, Row], runs: Iterable[Run]) -> list[Row]:
    """What came of those runs that have run."""
    return [done[run] for run in runs if run in done]


def reach(rows: list[Row]) -> str:
    """How many of some runs reach 0.9 on valid."""
    return f"{sum(row['reached'] is not None for row in rows)}/{len(rows)}"


def middle(rows: list[Row], steps: int) -> str:
    """The median of the steps to 0.9; `> 300` if it lies beyond the 300 steps that the runs were given."""
    found = median(np.inf if row["reached"] is None else row["reached"] for row in rows)
    return censored(found if found <= steps else np.inf, steps)


def in_short(rows: list[Row], steps: int) -> str:
    """How many of some runs reach 0.9, and the median of the steps at which they do."""
    return f"{reach(rows)}, {middle(rows, steps)}" if rows else "–"


def widths(done: dict[Run, Row]) -> list[str]:
    """The table of tasks, widths and stacks by the recipe."""
    lines = []
    for task, width, name in product(TASKS, WIDTHS, STACKS):
        rows = of(done, (Run(task, name, width, seed) for seed in SEEDS))
        if rows:
            exact, seconds = [row["exact_match"] for row in rows], mean(row["seconds"] for row in rows)
            found = [task, str(width), label(name), f"{rows[0]['learning_rate']:.2g}", f"{mean(exact):.3f}"]
            found += [", ".join(f"{value:.3f}" for value in exact), reach(rows), middle(rows, GIVEN[task][0])]
            lines.append([*found, f"{seconds:.1f}"])
    columns = ("task", "width", "stack", "rate", "EM on test", "by seed", "reach 0.9", "median steps to 0.9", "core s")
    return table(columns, lines)


def rates(done: dict[Run, Row]) -> list[str]:
    """The table of learning rates at width 64, of tasks at their own batch and at another."""
    cells = [(*cell, None) for cell in product(TASKS, STACKS)] + list(BATCHES)
    lines = []
    for task, name, batch in cells:
        runs = [[Run(task, name, 64, seed, rate=rate, batch=batch) for seed in SEEDS] for rate in RATES]
        steps, size = runs[0][0].given
        lines.append([task, label(name), str(size), *(in_short(of(done, some), steps) for some in runs)])
    return table(("task", "stack", "batch", *(f"rate x {rate:g}" for rate in RATES)), lines)


def together(done: dict[Run, Row]) -> str:
    """The rates side by side, over the cells and seeds of width 64 that ran at each, as a sentence."""
    trios = [[Run(*cell, 64, seed, rate=rate) for rate in RATES] for cell in product(TASKS, STACKS) for seed in SEEDS]
    trios = [trio for trio in trios if all(run in done for run in trio)]
    shown = []
    if not trios:
        return ""
    for i, rate in enumerate(RATES):
        runs = [trio[i] for trio in trios]
        spent = mean(done[run]["reached"] or run.given[0] for run in runs)
        shown.append(f"x {rate:g}: {reach(of(done, runs))} in {spent:.0f} steps")
    return "Over what ran at each (steps on average, all given where 0.9 is not reached): " + "; ".join(shown) + "."


def changes(done: dict[Run, Row]) -> list[str]:
    """The table of everything else, one change at a time."""
    lines = []
    for what, change in {"the recipe": {}, **CHANGES}.items():
        runs = [[replace(Run(*cell, 64, seed), **change) for seed in SEEDS] for cell in CHANGED]
        lines.append([what, *(in_short(of(done, some), GIVEN[some[0].task][0]) for some in runs)])
    return table(("changed", *(f"{task}, {label(name)}" for task, name in CHANGED)), lines)


def draw(done: dict[Run, Row], stem: Path) -> None:
    """Steps to 0.9 against width: a point per seed, a line through the medians; open where it is not reached."""
    style.apply()
    figure, panels = plt.subplots(1, len(TASKS), figsize=(3.5 * len(TASKS), 3.4))
    colours, markers = style.colours(list(STACKS)), style.markers(list(STACKS))
    for ax, task in zip(panels, TASKS, strict=True):
        steps = GIVEN[task][0]
        for place, name in enumerate(STACKS):
            shift, line = 2 ** (0.08 * (place - 1.5)), []  # side by side
            for width in WIDTHS:
                found = [row["reached"] for row in of(done, (Run(task, name, width, seed) for seed in SEEDS))]
                heights = [1.04 * steps if at is None else at for at in found]
                for at, height in zip(found, heights, strict=True):
                    ax.scatter(
                        width * shift, height, s=24, marker=markers[name], edgecolors=colours[name], alpha=0.7,
                        facecolors="none" if at is None else colours[name],
                    )  # fmt: skip
                line += [(width * shift, median(heights))] if found else []
            ax.plot(*zip(*line, strict=True), color=colours[name], linewidth=1.5)
        ax.axhline(steps, color=style.QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.set(xscale="log", title=task, xlabel="width", xlim=(27, 300), ylim=(0, 1.1 * steps))
        ax.set_xticks(WIDTHS, [str(width) for width in WIDTHS])
        ax.minorticks_off()
    panels[0].set_ylabel("steps to 0.9 on valid")
    for name in STACKS:
        panels[0].plot([], [], color=colours[name], marker=markers[name], markersize=5, label=label(name))
    figure.legend(loc="lower center", ncols=len(STACKS), frameon=False, bbox_to_anchor=(0.5, -0.08))
    figure.tight_layout()
    style.save(figure, stem)


def write(folder: Path) -> None:
    """The tables and the figure, from what has run."""
    done, wanted = finished(folder), list(grid())
    usual = wanted[0]
    missing = [run for run in wanted if run not in done]
    left = ", ".join(
        f"{sum(run.width == w for run in missing)} of {sum(run.width == w for run in wanted)} of width {w}"
        for w in WIDTHS if any(run.width == w for run in missing)
    )  # fmt: skip
    commits = sorted({row["commit"] for row in done.values() if row["commit"]})
    given = "; ".join(f"`{task}` {steps} steps of batch {batch}" for task, (steps, batch) in GIVEN.items())
    lines = [
        f"One thread, float32, seeds {', '.join(map(str, SEEDS))}, each with its own world; depth 2, where T HEX-2 is "
        f"the one in the middle; all else as the schema has it. {given}; a run ends early once exact match on valid "
        f"is {ENOUGH} at two looks in a row, {LOOK} steps apart. Sources at {', '.join(commits)}.",
        "",
        "The recipe, which is the schema's: learning rate 0.25 / width at batch 64, times the root of batch / 64; "
        f"second beta {usual.beta}, decay {usual.decay}, warm-up {usual.warmup}, initialisation 1/sqrt(width).",
        "",
        f"{len(done)} of {len(wanted)} runs"
        + (f"; not run: {left} (the later seeds, where n is below 3)." if missing else ": all."),
        "",
        "![Steps to 0.9 by width](recipe.png)",
        "",
        "A point per seed, a line through the medians; open points did not reach 0.9 in the steps they were given.",
        "",
        "## Widths",
        "",
        *widths(done),
        "",
        "## Other rates, at width 64",
        "",
        f"How many seeds reach 0.9, and the median of the steps at which they do. {together(done)}",
        "",
        *rates(done),
        "",
        "## Everything else, one change at a time, at width 64",
        "",
        *changes(done),
    ]
    kept = keep("recipe", lines, by="python benchmarks/recipe.py")
    draw(done, kept / "recipe")
    if done:
        shutil.copy(folder / RUNS, kept / "recipe.jsonl")


def main() -> None:
    about = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    about.add_argument("folder", nargs="?", type=Path, default=ROOT / "results/recipe", help="where runs are kept")
    about.add_argument("--minutes", type=float, default=float("inf"), help="after which no run begins")
    arguments = about.parse_args()
    measure(arguments.folder, arguments.minutes)
    write(arguments.folder)


if __name__ == "__main__":
    main()
