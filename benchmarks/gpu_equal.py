"""Whether a device computes what a CPU does: mixers, kernels of attention, a short training."""

import copy
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from common import table
from gpu_bench import VARIANT, Bench, Listed, Measurement, judged, verdict
from torch import Tensor, nn

from lolameme.learning.batches import Split
from lolameme.learning.device import Device
from lolameme.learning.trainer import train
from lolameme.models.kernels import torch_attention, xformers_attention, xformers_runs
from lolameme.models.mixer import Layout
from lolameme.models.mixers.attention import plain_attention
from lolameme.models.stack import mixer_class
from lolameme.study.architectures import MIXERS

# Of outputs and gradients. Rounding is some 1e-7 per operation in float32, 5e-4 in TensorFloat-32, 4e-3 in bfloat16.
TOLERANCES = {"float32": 1e-4, "tf32": 1e-2, "bfloat16": 6e-2}
CURVES = {"float32": 0.02, "bfloat16": 0.05}  # of the loss of a short training
STACKS = ("gpt2", "hyena", "thex-2")


def error(found: list[Tensor], expected: list[Tensor]) -> float:
    """The largest difference of a tensor and the one expected, in norms, relative to the latter."""
    pairs = ((a.detach().cpu().double(), b.detach()) for a, b in zip(found, expected, strict=True))
    return float(torch.stack([(a - b).norm() / b.norm() for a, b in pairs]).max())  # NaN wins, as it does not in `max`


def of_mixer(bench: Bench, mixer: str, precision: str) -> Measurement:
    """One layer on programs of different lengths, forward and backward."""
    model, device = bench.sizes.mixer, bench.device(precision)
    torch.manual_seed(0)
    made = mixer_class(mixer)(model)
    lengths = torch.linspace(1, model.length, bench.sizes.programs).long().tolist()
    places = torch.cat([row * model.length + torch.arange(length) for row, length in enumerate(lengths)])
    layout = Layout(len(lengths), model.length, places)
    x, gradient = torch.randn(2, len(places), model.d_model).unbind()

    def through(layer: nn.Module, on: Device, dtype: torch.dtype) -> list[Tensor]:
        layer, inputs = layer.to(on.torch_device, dtype), x.to(on.torch_device, dtype).requires_grad_()
        with on.autocast():
            y = layer(inputs, layout.to(on.torch_device))
        return [y, *torch.autograd.grad(y, [inputs, *layer.parameters()], gradient.to(y))]

    expected = through(copy.deepcopy(made), Device(torch.device("cpu"), bfloat16=False), torch.float64)
    return judged(error(through(made, device, torch.float32), expected), TOLERANCES[precision])


def of_kernel(bench: Bench, attend: Callable[..., Tensor], precision: str) -> Measurement:
    """A kernel of attention alone, against attention written out."""
    model, device = bench.sizes.mixer, bench.device(precision)
    if attend is xformers_attention and not xformers_runs():
        raise RuntimeError("xformers has no kernel for this GPU and this torch; torch's own is taken instead")
    torch.manual_seed(0)
    dtype = torch.bfloat16 if device.bfloat16 else torch.float32
    given = torch.randn(4, 4, model.length, model.heads, 16).to(dtype)

    def through(attend: Callable[..., Tensor], given: Tensor) -> list[Tensor]:
        *inputs, gradient = (t.clone().requires_grad_() for t in given)
        y = attend(*inputs)
        return [y, *torch.autograd.grad(y, inputs, gradient)]

    expected = through(plain_attention, given.double())
    return judged(error(through(attend, given.to(device.torch_device)), expected), TOLERANCES[precision])


def layers(bench: Bench) -> Listed:
    precisions = TOLERANCES if bench.kind == "cuda" else ("float32", "bfloat16")
    for mixer in MIXERS:
        for precision in precisions:
            yield f"{mixer}, {precision}", partial(of_mixer, bench, mixer, precision)
    for name, attend in {"SDPA": torch_attention, "plain": plain_attention}.items():
        for precision in precisions:
            yield f"kernel {name}, {precision}", partial(of_kernel, bench, attend, precision)
    if bench.kind == "cuda":  # it has none for a CPU, nor for float32
        yield "kernel xformers, bfloat16", partial(of_kernel, bench, xformers_attention, "bfloat16")


def layers_table(found: dict[str, Measurement]) -> list[str]:
    return [
        "Every mixer, and every kernel of attention, forward and backward, against a CPU in float64: the largest error",
        "of a tensor (outputs; gradients of inputs and parameters), relative in norms.",
        "",
        *table(("what", "error", "tolerance", "verdict"), [(name, *verdict(each)) for name, each in found.items()]),
    ]


def of_training(bench: Bench, architecture: str, precision: str) -> Measurement:
    """The loss on valid along a short training, as cells are trained, here and on a CPU in float32."""
    cells, steps = bench.cells("quick"), bench.sizes.curve
    asked = {"steps": steps, "batch": cells.batch, "learning_rate": 1e-3, "evaluate_every": max(1, steps // 10)}
    training = cells.study.training_of(VARIANT).model_copy(update=asked)
    splits = {"train": cells.split, "valid": Split.read(cells.folder / "valid.parquet")}

    def losses(device: Device) -> list[float]:
        with tempfile.TemporaryDirectory() as folder:
            history, _, _ = train(cells.model(architecture), training, splits, 1, device, Path(folder, "none"), "")
        return [row["loss"] for row in history]

    expected = losses(Device.choose("cpu", "float32", os.cpu_count() or 1))
    found = losses(bench.device("tf32" if precision == "float32" else precision))
    worst = float(torch.tensor([abs(a - b) / a for a, b in zip(expected, found, strict=True)]).max())
    return {"start": expected[0], "cpu": expected[-1], "here": found[-1]} | judged(worst, CURVES[precision])


def trainings(bench: Bench) -> Listed:
    for architecture in STACKS:
        for precision in CURVES:
            yield f"{architecture}, {precision}", partial(of_training, bench, architecture, precision)


def trainings_table(found: dict[str, Measurement]) -> list[str]:
    columns = ("stack", "loss at the start", "at the end, CPU", "here", "difference", "tolerance", "verdict")
    rows = [(name, *(f"{m[key]:.4f}" for key in ("start", "cpu", "here")), *verdict(m)) for name, m in found.items()]
    return [
        "A short training as cells are trained (float32 with TensorFloat-32), against the same on a CPU in float32:",
        "the largest relative difference of the loss on valid, at ten moments.",
        "",
        *table(columns, rows),
    ]
