"""Snapshots: the weights of a training after chosen steps, in one file whose tensors are named `<step>.<parameter>`."""

from pathlib import Path

from torch import Tensor

from lolameme.base import tensors
from lolameme.models.stack import Stack

Snapshots = dict[int, dict[str, Tensor]]  # weights by step, 0: before the first
FILE = "snapshots.safetensors"


def taken(model: Stack) -> dict[str, Tensor]:
    """A copy of the weights as they are now, in the memory of the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def named(snapshots: Snapshots) -> dict[str, Tensor]:
    """All tensors of all snapshots, as they are called on disk."""
    return {f"{step}.{name}": tensor for step, weights in snapshots.items() for name, tensor in weights.items()}


def by_step(found: dict[str, Tensor]) -> Snapshots:
    """The inverse of `named`: in the order of steps, whatever that of the tensors."""
    steps = sorted({int(name.partition(".")[0]) for name in found})
    return {
        step: {name.removeprefix(f"{step}."): found[name] for name in found if name.startswith(f"{step}.")}
        for step in steps
    }


def write(folder: Path, snapshots: Snapshots) -> None:
    """Leave snapshots beside the weights of a cell; none is a file, too."""
    tensors.save(folder / FILE, named(snapshots))


def read(folder: Path) -> Snapshots:
    """The snapshots of a cell whose training kept some. Raises Damaged if the file is."""
    return by_step(tensors.load(folder / FILE)[0])
