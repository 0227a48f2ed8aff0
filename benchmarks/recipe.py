"""The recipe: which learning rate, by width and batch, and which betas, decay, warm-up and initialisation train these
stacks; measured as the steps that a run needs until it answers nine of ten questions.

    python benchmarks/recipe.py [FOLDER] [--minutes M]

Runs go one after another on one thread, the most telling first. Each adds a line to FOLDER/runs.jsonl, and none that
has its line is run again: the command goes on where it was stopped. No run begins after M minutes; then the tables are
written from what has run, so that `--minutes 0` writes them alone.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from pathlib import Path
from statistics import mean, median
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from common import ROOT, STUDY, keep, table

from lolameme.base import provenance
from lolameme.base.files import read_json
from lolameme.base.seeds import seed_of
from lolameme.data.dataset import Builder
from lolameme.drawing import style
from lolameme.learning.batches import Split
from lolameme.learning.device import Device
from lolameme.learning.scoring import score
from lolameme.learning.trainer import Progress, train
from lolameme.models import stack
from lolameme.statistics.lock_in import censored
from lolameme.study import config
from lolameme.study.architectures import label
from lolameme.study.settings import Model, Training

WIDTHS, SEEDS = (32, 64, 128, 256), (1, 2, 3)
STACKS = ("gpt2", "hyena", "thex-2", "short-attention")  # at depth 2, T HEX-2 is attention above Hyena
LOCALS = {"program": {"assignments": [2, 4], "queries": [8, 8]}, "sizes": {"train": 6400, "valid": 200, "test": 500}}
TASKS: dict[str, dict[str, Any]] = {
    "in_context": LOCALS | {"world": {"modulus": 10, "stems": 2, "heads": 4}},
    "memorize-1000": {
        "world": {"modulus": 100, "stems": 40, "heads": 40, "globals": 1000},
        "program": {"global_share": 1},
        "holdout": False,
        "sizes": {"train": 1000},
    },
    "expressions": {
        "world": {"modulus": 10, "stems": 6, "heads": 6, "globals": 36, "operators": ["max", "sub"]},
        "program": {"global_share": 1, "operands": [2, 2]},
        "sizes": {"train": 20000, "valid": 300, "test": 300},
    },
    "multi_language": LOCALS
    | {
        "world": {"modulus": 10, "stems": 4, "heads": 4, "globals": 8},
        "program": LOCALS["program"] | {"global_share": 0.4, "languages": {"lola": 1, "meme": 1}},
    },
}
GIVEN = {  # steps and batch: programs with eight questions, or with one
    "in_context": (400, 16), "memorize-1000": (300, 64), "expressions": (300, 64), "multi_language": (400, 16)
}  # fmt: skip
LOOK = 25  # steps between two looks at valid
REACHED, ENOUGH = 0.9, 0.995  # exact match on valid: what is timed; what, seen twice in a row, ends a run
RUNS = "runs.jsonl"


@dataclass(frozen=True)
class Run:
    """One training; what it leaves at its default is the recipe under test."""

    task: str
    stack: str
    width: int
    seed: int
    rate: float = 1.0  # the learning rate as a multiple of the rule's
    beta: float = 0.98  # the second of AdamW's
    decay: float = 0.1
    warmup: float = 0.3
    initialisation: float | None = None

    @property
    def training(self) -> Training:
        steps, batch = GIVEN[self.task]
        return Training(
            steps=steps, batch=batch, learning_rate=self.rate * rule(self.width, batch), betas=(0.9, self.beta),
            weight_decay=self.decay, warmup=self.warmup, evaluate_every=LOOK,
        )  # fmt: skip

    @property
    def model(self) -> Model:
        return Model(d_model=self.width, initialisation=self.initialisation)


CHANGES = {  # one at a time, on a few cells of width 64
    "second beta 0.95": {"beta": 0.95},
    "second beta 0.999": {"beta": 0.999},
    "decay 0.01": {"decay": 0.01},
    "decay 0": {"decay": 0.0},
    "warm-up 0.1": {"warmup": 0.1},
    "warm-up 0.2": {"warmup": 0.2},
    "initialisation 0.02": {"initialisation": 0.02},
}
CHANGED = (("in_context", "thex-2"), ("memorize-1000", "gpt2"), ("expressions", "gpt2"))


def rule(width: int, batch: int) -> float:
    """The learning rate under test: 0.25 / width at batch 64, and as the square root of the batch."""
    return 0.25 / width * (batch / 64) ** 0.5


def grid() -> Iterator[Run]:
    """All runs, the most telling first."""
    cells = list(product(TASKS, STACKS))
    for width in (64, 32):
        yield from (Run(*cell, width, seed) for seed in SEEDS for cell in cells)
    yield from around(cells, SEEDS[:1])
    yield from (Run(*cell, 128, seed) for seed in SEEDS for cell in cells)
    yield from (Run(*cell, 256, SEEDS[0]) for cell in cells)
    yield from around(cells, SEEDS[1:])
    yield from (Run(*cell, 256, seed) for seed in SEEDS[1:] for cell in cells)


def around(cells: list[tuple[str, str]], seeds: tuple[int, ...]) -> Iterator[Run]:
    """What lies around the recipe, at width 64: other rates for all cells, all other changes for a few."""
    for seed in seeds:
        yield from (Run(*cell, 64, seed, rate=rate) for rate in (0.5, 2.0) for cell in cells)
        yield from (replace(Run(*cell, 64, seed), **change) for change in CHANGES.values() for cell in CHANGED)


class _Enough(Exception):
    """Raised out of a training that has nothing left to show."""


class Watch:
    """Keeps what valid says during a training, and ends it when enough is seen twice in a row."""

    def __init__(self):
        self.curve: list[tuple[int, float]] = []  # step, exact match

    def __call__(self, moment: Progress) -> None:
        self.curve.append((moment.step, moment.exact_match))
        if len(self.curve) > 1 and min(exact for _, exact in self.curve[-2:]) >= ENOUGH:
            raise _Enough

    @property
    def reached(self) -> int | None:
        """The step at which nine of ten answers were right for the first time."""
        return next((step for step, exact in self.curve if exact >= REACHED), None)


def study() -> config.Study:
    """The tasks, in the languages of the default study; every seed has a world of its own."""
    languages = {name: language.model_dump() for name, language in config.load(STUDY).languages.items()}
    variants = {name: {"about": name} | task for name, task in TASKS.items()}
    settings = {"study": "recipe", "seeds": SEEDS, "languages": languages, "architectures": STACKS}
    return config.parse(settings | {"variants": variants})


def data_of(run: Run, folder: Path) -> Path:
    """The data of a run's task in the world of its seed, made if they are not there."""
    data = folder / "data" / run.task / f"world{run.seed}"
    if not (data / "dataset.json").exists():
        Builder(study(), run.task, run.seed).write(data)
    return data


def measured(run: Run, folder: Path) -> dict[str, Any]:
    """Train one cell, on one thread; what came of it, with the processor seconds of training and looks."""
    data, device, watch = data_of(run, folder), Device.choose("cpu", "float32", threads=1), Watch()
    vocabulary = read_json(data / "dataset.json")["vocabulary"]
    model = stack.build(run.stack, run.model, vocabulary, seed_of(run.seed, "initialisation", run.task, run.stack))
    splits = {name: Split.read(data / f"{name}.parquet") for name in ("train", "valid", "test")}
    test, checkpoint = splits.pop("test"), folder / "checkpoint.safetensors"
    checkpoint.unlink(missing_ok=True)  # of a run that was stopped: it begins anew
    begun, diverged = time.process_time(), False
    try:
        train(model, run.training, splits, run.seed, device, checkpoint, "", watch)
    except _Enough:
        pass
    except FloatingPointError:
        diverged = True
    seconds = time.process_time() - begun
    exact = 0.0 if diverged else float(score(model, test, device).correct.mean())
    return {
        "learning_rate": run.training.learning_rate,
        "exact_match": exact,
        "reached": watch.reached,
        "steps": watch.curve[-1][0],
        "seconds": round(seconds, 2),
        "diverged": diverged,
        "curve": watch.curve,
        "commit": provenance.code_version()["commit"],
    }


def finished(folder: Path) -> dict[Run, dict[str, Any]]:
    """What has run, and what came of it."""
    path, names = folder / RUNS, [field.name for field in fields(Run)]
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return {Run(**{name: row[name] for name in names}): row for row in rows}


def measure(folder: Path, minutes: float) -> None:
    """Run what has not run yet, until the minutes are over."""
    folder.mkdir(parents=True, exist_ok=True)
    ends, done = time.monotonic() + 60 * minutes, finished(folder)
    for run in grid():
        if time.monotonic() > ends:
            break
        if run not in done:
            line = json.dumps(asdict(run) | measured(run, folder))
            with (folder / RUNS).open("a") as file:
                file.write(line + "\n")


def middle(rows: list[dict[str, Any]], steps: int) -> float:
    """The median of the steps to 0.9 of some runs; infinite if it lies beyond the steps that they were given."""
    found = median(np.inf if row["reached"] is None else row["reached"] for row in rows)
    return found if found <= steps else np.inf


def in_short(rows: list[dict[str, Any]], steps: int) -> str:
    """How many of some runs reach 0.9, and the median of the steps at which they do."""
    if not rows:
        return "-"
    return f"{sum(row['reached'] is not None for row in rows)}/{len(rows)}, {censored(middle(rows, steps), steps)}"


def widths(done: dict[Run, dict[str, Any]]) -> list[str]:
    """The table of tasks, widths and stacks at the rule's rate."""
    lines = []
    for task, width, name in product(TASKS, WIDTHS, STACKS):
        rows = [done[run] for seed in SEEDS if (run := Run(task, name, width, seed)) in done]
        if not rows:
            continue
        exact, steps = [row["exact_match"] for row in rows], GIVEN[task][0]
        reach = f"{sum(row['reached'] is not None for row in rows)}/{len(rows)}"
        lines.append((
            task, str(width), label(name), f"{rows[0]['learning_rate']:.2g}", f"{mean(exact):.3f}",
            ", ".join(f"{value:.3f}" for value in exact), reach, censored(middle(rows, steps), steps),
            f"{mean(row['seconds'] for row in rows):.1f}",
        ))  # fmt: skip
    columns = ("task", "width", "stack", "rate", "EM on test", "by seed", "reach 0.9", "median steps to 0.9", "core s")
    return table(columns, lines)


def rates(done: dict[Run, dict[str, Any]]) -> list[str]:
    """The table of learning rates at width 64."""
    factors = (0.5, 1.0, 2.0)
    lines = []
    for task, name in product(TASKS, STACKS):
        cells = [
            [done[run] for seed in SEEDS if (run := Run(task, name, 64, seed, rate=factor)) in done]
            for factor in factors
        ]
        lines.append((task, label(name), *(in_short(rows, GIVEN[task][0]) for rows in cells)))
    return table(("task", "stack", *(f"rate x {factor:g}" for factor in factors)), lines)


def changes(done: dict[Run, dict[str, Any]]) -> list[str]:
    """The table of everything else, one change at a time."""
    lines = []
    for name, change in {"the recipe": {}, **CHANGES}.items():
        cells = [
            [done[run] for seed in SEEDS if (run := replace(Run(*cell, 64, seed), **change)) in done]
            for cell in CHANGED
        ]
        lines.append((name, *(in_short(rows, GIVEN[task][0]) for rows, (task, _) in zip(cells, CHANGED, strict=True))))
    return table(("changed", *(f"{task}, {label(name)}" for task, name in CHANGED)), lines)


def draw(done: dict[Run, dict[str, Any]], stem: Path) -> None:
    """Steps to 0.9 against width: a point per seed, a line through the medians; open where it is not reached."""
    style.apply()
    figure, grid_of_axes = plt.subplots(1, len(TASKS), figsize=(3.5 * len(TASKS), 3.4))
    colours, markers = style.colours(list(STACKS)), style.markers(list(STACKS))
    for ax, task in zip(grid_of_axes, TASKS, strict=True):
        steps = GIVEN[task][0]
        for place, name in enumerate(STACKS):
            shift = 2 ** (0.08 * (place - 1.5))  # beside each other
            rows = [(w, row) for w in WIDTHS for s in SEEDS if (row := done.get(Run(task, name, w, s)))]
            found = pd.DataFrame(
                [(w, np.nan if row["reached"] is None else row["reached"]) for w, row in rows],
                columns=["width", "steps"],
            )
            look = {"color": colours[name], "marker": markers[name]}
            shown = found["steps"].fillna(1.04 * steps)
            missed = found["steps"].isna()
            ax.scatter(found["width"][~missed] * shift, shown[~missed], s=22, alpha=0.6, **look)
            ax.scatter(
                found["width"][missed] * shift, shown[missed], s=26, facecolors="none", edgecolors=colours[name],
                marker=markers[name],
            )  # fmt: skip
            middles = shown.groupby(found["width"]).median()
            ax.plot(middles.index * shift, middles, color=colours[name], linewidth=1.5, label=label(name))
        ax.axhline(steps, color=style.QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.set(xscale="log", title=task, xlabel="width", ylim=(0, 1.1 * steps))
        ax.set_xticks(WIDTHS, [str(width) for width in WIDTHS])
        ax.minorticks_off()
    grid_of_axes[0].set_ylabel("steps to 0.9 on valid")
    handles, names = grid_of_axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="lower center", ncols=len(STACKS), frameon=False, bbox_to_anchor=(0.5, -0.08))
    figure.tight_layout()
    style.save(figure, stem)


def write(folder: Path) -> None:
    """The tables and the figure, from what has run."""
    done, wanted = finished(folder), list(grid())
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
        "The rate under test is 0.25 / width at batch 64, times the square root of batch / 64; the recipe: second beta "
        "0.98, decay 0.1, warm-up 0.3, initialisation 1/sqrt(width).",
        "",
        f"{len(done)} of {len(wanted)} runs" + (f"; not run: {left}." if missing else ": all."),
        "",
        "![Steps to 0.9 by width](recipe.png)",
        "",
        "A point per seed, a line through the medians; open points did not reach 0.9 in the steps they were given.",
        "",
        "## Widths, at the rule's rate",
        "",
        *widths(done),
        "",
        "## Rates around the rule's, at width 64",
        "",
        "How many seeds reach 0.9, and the median of the steps at which they do.",
        "",
        *rates(done),
        "",
        "## Everything else, one change at a time, at width 64",
        "",
        *changes(done),
    ]
    draw(done, keep("recipe", lines, by="python benchmarks/recipe.py") / "recipe")


def main() -> None:
    about = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    about.add_argument("folder", nargs="?", type=Path, default=ROOT / "results/recipe", help="where runs are kept")
    about.add_argument("--minutes", type=float, default=float("inf"), help="after which no run begins")
    arguments = about.parse_args()
    measure(arguments.folder, arguments.minutes)
    write(arguments.folder)


if __name__ == "__main__":
    main()
