"""Filters of a layer, whatever mixer it has: the taps of a short convolution, and those of long, implicit filters."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from lolameme.models.short_convolution import ShortConvolution
from lolameme.models.stack import Block


def short(block: Block) -> ShortConvolution | None:
    """The short convolution of a layer's mixer, if it has one."""
    return next((module for module in block.mixer.modules() if isinstance(module, ShortConvolution)), None)


def long(block: Block) -> nn.Module | None:
    """What makes the long filters (filters, D, L) of a layer's mixer, if it has some."""
    return getattr(block.mixer, "filters", None)


def short_energy(block: Block) -> dict[int, float]:
    """The share of every tap in the energy of a short convolution; none without one."""
    module = short(block)
    if module is None:
        return {}
    energy = module.weight.detach().square().sum(1)  # (taps,)
    return dict(zip(module.lags, (energy / energy.sum()).tolist(), strict=True))


@torch.inference_mode()
def long_energy(block: Block, length: int, counts: Iterable[int]) -> dict[int, float]:
    """The share of the first taps, for each of the `counts` up to `length`, in the energy of long filters."""
    made = long(block)
    if made is None:
        return {}
    energy = made(length).square().sum((0, 1))  # (L,)
    return {count: float(energy[:count].sum() / energy.sum()) for count in counts if count <= length}


@contextmanager
def without_tap(block: Block, tap: int) -> Iterator[None]:
    """Within the block, the layer's short convolution does not see what stands `tap` places back."""
    module = short(block)
    assert module is not None
    weight, row = module.weight.data, module.lags.index(tap)
    kept = weight[row].clone()
    try:
        weight[row] = 0
        yield
    finally:
        weight[row] = kept


@contextmanager
def cut_to(block: Block, count: int) -> Iterator[None]:
    """Within the block, the layer's long filters end after `count` taps; the bias stays."""

    def cut(_: nn.Module, __: tuple, filters: torch.Tensor) -> torch.Tensor:
        return filters * (torch.arange(filters.shape[-1], device=filters.device) < count)

    made = long(block)
    assert made is not None
    handle = made.register_forward_hook(cut)
    try:
        yield
    finally:
        handle.remove()
