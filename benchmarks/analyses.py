"""What the analyses of a trained cell cost, one by one and together; and that training pays nothing for them."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from common import STUDY, keep, table

from lolameme.analyses._activations import SITES, visited
from lolameme.analyses._trained import Trained
from lolameme.data.dataset import Builder
from lolameme.learning.batches import Split
from lolameme.learning.cell import train_cell
from lolameme.learning.device import Device
from lolameme.models import stack
from lolameme.study import config, plugins
from lolameme.study.cell import Cell

VARIANT, SEED, STEPS = "in_context", 1, 150
STACKS = ("gpt2", "thex-2", "hyena")


def trained(study: config.Study, architecture: str, root: Path, data: Path) -> Trained:
    """A cell that has begun to recall: analyses cost more where there is something to find."""
    cell, folder = Cell(VARIANT, architecture, SEED), root / architecture
    training = study.training_of(VARIANT).model_copy(update={"steps": STEPS, "batch": 64, "evaluate_every": STEPS})
    train_cell(study, cell, training, data, folder, 1, lambda progress: None)
    return Trained.load(study, cell, folder, data, 1)


def costs(cell: Trained) -> dict[str, float]:
    """Processor seconds of every analysis, with its default settings; loading of modules not counted."""
    found = {}
    for name in plugins.names("analysis"):
        module = plugins.load("analysis", name)
        module.measure(cell, module.Settings(prompts=16))
        begun = time.process_time()
        module.measure(cell, module.Settings())
        found[name] = time.process_time() - begun
    return found


def step_ratios(cell: Trained, rounds: int = 40) -> tuple[float, float]:
    """Seconds of a training step, by those of a stack that no hook has visited: of one that hooks have visited, and of
    a second one that none has, which tells how much of the first ratio is noise.

    The least of all rounds each; steps take turns, so that what else the machine does meets all.
    """
    split, device = Split.read(cell.data / "train.parquet"), Device.choose("cpu", "float32", 1)
    batch = split.batch(np.arange(64))
    stacks = [stack.build(cell.facts["architecture"], cell.settings, cell.facts["vocabulary"], 1) for _ in range(3)]
    fresh, seen, again = stacks
    with visited(seen, {(site, layer): lambda x: None for site in SITES for layer in range(len(seen.blocks))}):
        seen.hidden(batch.tokens[None, : seen.max_length])
    least = dict.fromkeys(stacks, float("inf"))
    for _ in range(rounds):
        for model in stacks:
            begun = time.process_time()
            device.losses(model, batch)[1].mean().backward()
            least[model] = min(least[model], time.process_time() - begun)
    return least[seen] / least[fresh], least[again] / least[fresh]


def main() -> None:
    study = config.load(STUDY)
    with TemporaryDirectory() as name:
        root = Path(name)
        Builder(study, VARIANT, SEED).write(root / "data")
        cells = {architecture: trained(study, architecture, root, root / "data") for architecture in STACKS}
        seconds = {architecture: costs(cell) for architecture, cell in cells.items()}
        ratios = {architecture: step_ratios(cell) for architecture, cell in cells.items()}
    columns = ("analysis", *STACKS)
    rows = [(name, *(f"{seconds[stack][name]:.2f}" for stack in STACKS)) for name in plugins.names("analysis")]
    rows.append(("all", *(f"{sum(seconds[stack].values()):.2f}" for stack in STACKS)))
    shape = f"{study.model.layers} layers, width {study.model.d_model}"
    lines = [f"Processor seconds per cell of `{VARIANT}` ({shape}, default settings, 1 thread):", ""]
    lines += [
        *table(columns, rows),
        "",
        "Seconds of a training step, by those of a stack that no hook has visited:",
        "",
    ]
    ways = ("hooks have visited", "none has either (noise)")
    shown = [(way, *(f"{ratios[stack][i]:.3f}" for stack in STACKS)) for i, way in enumerate(ways)]
    keep("analyses", lines + table(("a stack that", *STACKS), shown))


if __name__ == "__main__":
    main()
