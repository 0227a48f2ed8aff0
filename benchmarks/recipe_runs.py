"""The runs of the recipe's benchmark: which they are, how one is made, and where what came of them is kept."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from common import STUDY

from lolameme.base import provenance
from lolameme.base.files import read_json
from lolameme.base.seeds import seed_of
from lolameme.data.dataset import Builder
from lolameme.learning.batches import Split
from lolameme.learning.device import Device
from lolameme.learning.scoring import score
from lolameme.learning.trainer import Progress, train
from lolameme.models import stack
from lolameme.study import config
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
OTHER = {("in_context", 64): 300, ("memorize-1000", 16): 1200}  # steps at another batch
LOOK = 25  # steps between two looks at valid
REACHED, ENOUGH = 0.9, 0.995  # exact match on valid: what is timed; what, seen twice in a row, ends a run
RUNS = "runs.jsonl"


@dataclass(frozen=True)
class Run:
    """One training; what it leaves at its default is the recipe: the schema's defaults."""

    task: str
    stack: str
    width: int
    seed: int
    rate: float = 1.0  # the learning rate as a multiple of the default
    beta: float = Training().betas[1]
    decay: float = Training().weight_decay
    warmup: float = Training().warmup
    initialisation: float | None = None
    batch: int | None = None  # without it, the task's

    @property
    def given(self) -> tuple[int, int]:
        """Steps and batch."""
        return GIVEN[self.task] if self.batch is None else (OTHER[self.task, self.batch], self.batch)

    @property
    def training(self) -> Training:
        steps, batch = self.given
        default = Training(
            steps=steps, batch=batch, betas=(Training().betas[0], self.beta), weight_decay=self.decay,
            warmup=self.warmup, evaluate_every=LOOK,
        ).at_width(self.width)  # fmt: skip
        return default.model_copy(update={"learning_rate": self.rate * default.learning_rate})

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
RATES = (0.5, 1.0, 2.0)
BATCHES = (("in_context", "thex-2", 64), ("memorize-1000", "gpt2", 16), ("memorize-1000", "hyena", 16))
CHANGED = (("in_context", "thex-2"), ("memorize-1000", "gpt2"), ("expressions", "gpt2"))


def grid() -> Iterator[Run]:
    """All runs, the most telling first."""
    cells = list(product(TASKS, STACKS))
    for width in (64, 32):
        yield from (Run(*cell, width, seed) for seed in SEEDS for cell in cells)
    yield from around(cells, SEEDS[0])
    yield from (Run(*cell, 128, SEEDS[0]) for cell in cells)
    yield from (Run(*cell, 64, SEEDS[0], rate=rate, batch=batch) for *cell, batch in BATCHES for rate in RATES)
    yield from (Run(*cell, 256, SEEDS[0]) for cell in cells)
    yield from (Run(*cell, 128, seed) for seed in SEEDS[1:] for cell in cells)
    for seed in SEEDS[1:]:
        yield from around(cells, seed)
        yield from (Run(*cell, 256, seed) for cell in cells)


def around(cells: list[tuple[str, str]], seed: int) -> Iterator[Run]:
    """What lies around the recipe, at width 64: other rates for all cells, all other changes for a few."""
    yield from (Run(*cell, 64, seed, rate=rate) for rate in RATES if rate != 1 for cell in cells)
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
    return {Run(**{name: row[name] for name in names if name in row}): row for row in rows}


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
