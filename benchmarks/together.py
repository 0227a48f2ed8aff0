"""Seeds of a stack trained as one model, beside one after another: does it pay?

At the widths of these studies a GPU waits for its next kernel. A model whose parameters have a dimension of seeds
starts one kernel for all of them (torch.func's `vmap`). Here a forward and backward pass of such a model stands beside
those of as many models one after another, on batches of their own, with the gradients of both compared. The seeds'
programs are padded to one length; what mixers do by hand (taps, the long convolution, the kernel of attention) is
written out in plain operations there, because those vmap cannot batch. The optimiser, which sees one flat tensor either
way, is left out.
"""

import copy
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest import mock

import torch
import torch.nn.functional as F
from common import ROOT, STUDY, keep, table
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from training import Cells, Shape, TorchTaps, alternately, torch_fft

from lolameme.learning.batches import Batch, BatchSampler
from lolameme.learning.device import Device
from lolameme.models import convolution, stack
from lolameme.models.mixers import attention
from lolameme.models.short_convolution import ShortConvolution
from lolameme.study.architectures import label

SHAPES = {"quick": Shape(STUDY, None, 4), "cpu": Shape(ROOT / "studies/cpu.yaml", None, 3)}
STACKS = ("gpt2", "hyena", "thex-2")
SEEDS = (2, 6)
CLOSE = 1e-4  # of gradients in float32, relative to the largest of their tensor
Gradients = dict[str, Tensor]  # (S, ...) of each parameter


class Asked(NamedTuple):
    """A batch of every seed, side by side."""

    tokens: Tensor  # (S, B, L), padded with zeros
    places: Tensor  # (S, P) of the B * L outputs, those that predict
    targets: Tensor  # (S, P), -100 where a seed predicts less than another


def side_by_side(batches: Sequence[Batch]) -> Asked:
    """The batches of all seeds padded to one length."""
    length, most = max(b.layout.length for b in batches), max(len(b.targets) for b in batches)
    tokens = torch.stack([F.pad(b.side_by_side(), (0, length - b.layout.length)) for b in batches])
    places, targets = [], []
    for b in batches:
        at = b.layout.keep(b.layout.places)
        at = at // b.layout.length * length + at % b.layout.length
        places.append(F.pad(at, (0, most - len(at))))
        targets.append(F.pad(b.targets, (0, most - len(at)), value=-100))
    return Asked(tokens, torch.stack(places), torch.stack(targets))


class Loss(nn.Module):
    """The loss of one seed's model on its batch."""

    def __init__(self, model: stack.Stack):
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, places: Tensor, targets: Tensor) -> Tensor:
        hidden = self.model.hidden(tokens).flatten(0, 1)[places]  # (P, D)
        return F.cross_entropy(self.model.logits(hidden).float(), targets, ignore_index=-100)


@contextmanager
def plain():
    """Within the block, all that vmap cannot batch is written in plain operations."""
    with (
        mock.patch.object(convolution, "form", return_value=torch_fft),
        mock.patch.object(attention, "kernel", return_value=attention.plain_attention),
        mock.patch.object(ShortConvolution, "forward", TorchTaps.forward),
    ):
        yield


class Ways:
    """Both ways to the gradients of some seeds' models."""

    def __init__(self, cells: Cells, architecture: str, seeds: int, device: Device):
        numbers = range(1, seeds + 1)
        self.device, self.steps = device, cells.steps
        self.models = [stack.build(architecture, cells.study.model, cells.vocabulary, seed=n) for n in numbers]
        self.models = [model.to(device.torch_device) for model in self.models]
        orders = [BatchSampler(len(cells.split), cells.batch, n) for n in numbers]
        self.batches = [[cells.split.batch(order[step]) for order in orders] for step in range(cells.steps)]
        self.tokens = sum(len(batch.tokens) for batches in self.batches for batch in batches)
        parameters, self.buffers = stack_module_state([Loss(model) for model in self.models])
        self.parameters = {name: p.detach() for name, p in parameters.items()}
        self.one = Loss(copy.deepcopy(self.models[0]))

    def alone(self, step: int) -> Gradients:
        """One model after another, as cells are trained."""
        found = []
        for model, batch in zip(self.models, self.batches[step], strict=True):
            model.zero_grad()
            self.device.losses(model, batch)[1].mean().backward()
            found.append({f"model.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None})
        return {name: torch.stack([each[name] for each in found]) for name in found[0]}

    def together(self, step: int) -> Gradients:
        """All as one model."""

        def loss(parameters: Gradients, buffers: Gradients, *asked: Tensor) -> Tensor:
            return functional_call(self.one, (parameters, buffers), asked)

        asked = [part.to(self.device.torch_device) for part in side_by_side(self.batches[step])]
        with plain(), self.device.autocast():
            return vmap(grad(loss))(self.parameters, self.buffers, *asked)

    def round(self, way: Callable[[int], Gradients]) -> Callable[[], int]:
        """All steps by one way; returns the tokens seen."""

        def work() -> int:
            for step in range(self.steps):
                way(step)
            return self.tokens

        return work


def of_seeds(cells: Cells, architecture: str, seeds: int, device: Device, rounds: int = 3) -> dict[str, float | bool]:
    """Tokens per second of both ways, and the largest difference of their gradients."""
    ways = Ways(cells, architecture, seeds, device)
    alone, together = ways.alone(0), ways.together(0)
    error = max(float((together[n] - g).abs().max() / g.abs().max().clamp(min=1e-12)) for n, g in alone.items())
    speeds = alternately([ways.round(ways.alone), ways.round(ways.together)], rounds, device.synchronise)
    tolerance = CLOSE if device.precision == "float32" else 0.1
    return {"alone": speeds[0], "together": speeds[1], "error": error, "equal": error <= tolerance}


def rows(found: dict[str, dict]) -> list[str]:
    """What was measured, by name, as a table."""
    columns = ("stack, shape, seeds", "one after another, tokens/s", "as one model", "ratio", "gradients differ by")
    return table(
        columns,
        [
            (
                name,
                f"{m['alone']:,.0f}",
                f"{m['together']:,.0f}",
                f"{m['together'] / m['alone']:.2f}",
                f"{m['error']:.0e}{'' if m['equal'] else ', UNEQUAL'}",
            )
            for name, m in found.items()
        ],
    )


def main() -> None:
    found, device = {}, Device.choose("cpu", "float32", 1)
    with TemporaryDirectory() as folder:
        for shape, sizes in SHAPES.items():
            cells = Cells(sizes, Path(folder) / shape, programs=400)
            for architecture in STACKS:
                for seeds in SEEDS:
                    found[f"{label(architecture)}, {shape}, {seeds}"] = of_seeds(cells, architecture, seeds, device)
    lines = [
        "Forward and backward pass of several seeds' models one after another, and as one model whose parameters have",
        "a dimension of seeds, on one thread in float32. Gradients differ relative to the largest of a tensor.",
        "",
    ]
    keep("together", [*lines, *rows(found)])


if __name__ == "__main__":
    main()
