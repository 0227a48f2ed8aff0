"""A training step and a step of decoding on fake tensors: shapes and devices without numbers, of a device that need not
be there. Prints as JSON, for every stack named, what went wrong, or nothing.

    python placement.py DEVICE STACK...

`cuda` takes a CUDA build of torch, without which its tensors cannot even be pretended; then there is no backward pass,
for which autograd asks the driver. `standin` is a device of Python's own, which has one with any build. `hyena-left` is
Hyena with the decay window of its filters left on the CPU.
"""

import json
import sys
from unittest import mock

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from lolameme.learning.batches import Batch
from lolameme.learning.device import Device
from lolameme.learning.optimiser import AdamW
from lolameme.models import kernels, stack
from lolameme.models.mixer import Layout
from lolameme.study.settings import Hyena, Model, Training

MODEL = Model(layers=2, d_model=16, heads=2, length=9, attention_dropout=0.1, hyena=Hyena(filter_width=8))
POSITIONS = MODEL.model_copy(update={"positions": "learned", "dropout": 0.1})


def moved(model: stack.Stack, device: str) -> stack.Stack:
    """What `model.to(device)` does, which fake tensors cannot: parameters and buffers, and nothing else, are there."""
    for module in model.modules():
        for name, p in module._parameters.items():
            if p is not None:
                there = nn.Parameter(torch.empty(p.shape, dtype=p.dtype, device=device))
                there.__dict__.update(p.__dict__)  # marks of the optimiser
                module._parameters[name] = there
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device=device)
    return model


def left(model: stack.Stack) -> stack.Stack:
    """The mistake: the window of each filter is a tensor that the module does not know of."""
    for block in model.blocks:
        window = block.mixer.filters._buffers.pop("window")
        block.mixer.filters.window = window
    return model


def trained(model: stack.Stack, device: str, half: bool) -> None:
    """One step on four programs of 9, 1, 4 and 7 tokens, and two of decoding."""
    model = moved(model, device)
    optimiser = AdamW(model.parameters(), Training(learning_rate=1e-3))
    places = torch.empty(21, dtype=torch.int64)
    wanted = torch.empty(6, dtype=torch.int64)
    data = Batch(torch.empty_like(places), Layout(4, 9, places, wanted), torch.empty_like(wanted), wanted >= 0)
    logits, losses = Device(torch.device(device), half).losses(model, data)
    if device != "cuda":
        losses.mean().backward()
    optimiser.step(1e-3)
    states = None
    with torch.no_grad():
        for position in range(2):
            _, states = model.step(torch.empty(3, dtype=torch.int64, device=device), states, position)
    for tensor in (logits, losses, optimiser.values, optimiser.gradient, *model.parameters()):
        assert tensor.device.type == device, f"something is on {tensor.device}"


def main(device: str, *names: str) -> None:
    found = {}
    if device == "standin":
        _setup_privateuseone_for_python_backend(device)
    # as on a GPU: autocast looks for one, and asks what it can; xformers can only be tried on one
    there = mock.patch("torch.cuda.amp.common.amp_definitely_not_available", return_value=False)
    able = mock.patch("torch.cuda.is_bf16_supported", return_value=True)
    with there, able, mock.patch.object(kernels, "_runs", False):
        for name in names:
            found[name] = ""
            for half in (False, True) if device == "cuda" else (False,):
                for settings in (MODEL, POSITIONS):
                    made = stack.build(name.removesuffix("-left"), settings, 11, seed=1)
                    made = left(made) if name.endswith("-left") else made
                    try:
                        with FakeTensorMode(allow_non_fake_inputs=True):
                            trained(made, device, half)
                    except Exception as error:
                        found[name] = f"{type(error).__name__}: {error}"[:300]
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
