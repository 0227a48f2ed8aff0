"""How fast a stack trains here: a few real steps of its own shape, in a fraction of a second for a small one."""

import tempfile
from pathlib import Path

from lolameme.base.files import read_table
from lolameme.base.seeds import seed_of
from lolameme.learning.batches import COLUMNS, Split
from lolameme.learning.device import Device
from lolameme.learning.trainer import train
from lolameme.models import stack
from lolameme.study.settings import Model, Training

TRAINED = 3  # a training step takes as much as three forward passes
_STEP, _ALL = 4e9, 2e10  # operations of a step, at most, by smaller batches; of the steps that are timed
_STEPS = 20  # at most


def operations_per_second(
    architecture: str, model: Model, vocabulary: int, training: Training, flops: float, data: Path, device: Device
) -> float:
    """Operations that a training of this stack does in a second of its time: of the processor's on a CPU.

    `flops` are those of a forward pass, per token; `data` is a file of training programs.
    """
    table = read_table(data, COLUMNS)
    splits = {"train": Split(table), "valid": Split(table.slice(0, 1))}  # a look at valid must cost next to nothing
    tokens = splits["train"].lengths.mean()
    batch = max(1, min(training.batch, int(_STEP / (TRAINED * flops * tokens))))
    steps = max(1, min(_STEPS, int(_ALL / (TRAINED * flops * tokens * batch))))
    built = stack.build(architecture, model, vocabulary, seed_of(0, "speed"))
    with tempfile.TemporaryDirectory() as folder:
        for count in (1, steps):  # the first warms up
            timed = training.model_copy(update={"batch": batch, "steps": count, "evaluate_every": count})
            _, summary, _ = train(built, timed, splits, 0, device, Path(folder, "none"), "speed")
    seconds = summary["train_seconds" if device.torch_device.type == "cuda" else "processor_seconds"]
    return TRAINED * flops * summary["tokens"] / seconds
