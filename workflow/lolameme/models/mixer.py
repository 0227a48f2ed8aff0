"""What all mixers have in common, and how programs of different lengths meet in them without work on padding.

Only mixers need programs side by side, padded to one length. All else looks at one token at a time: there the tokens
of a batch stand in one list (T, D), and padding costs nothing. Padding stands behind a program, where no position of it
looks.

This layout saves 7 to 10 % of a training step (benchmarks/training.py).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lolameme.study.settings import Model


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a batch lie when its programs stand side by side (B, L), and which outputs are wanted."""

    batch: int  # B
    length: int  # L
    places: Tensor  # (T,) int64, rising: which of the B * L places hold tokens
    wanted: Tensor | None = None  # (P,) int64: which of the T tokens' outputs; all, if None

    def pad(self, x: Tensor) -> Tensor:
        """(T, C) side by side, (B, L, C), with zeros as padding."""
        empty = x.new_zeros(self.batch * self.length, x.shape[1])
        return empty.index_copy_(0, self.places, x).view(self.batch, self.length, -1)

    def unpad(self, y: Tensor) -> Tensor:
        """The wanted outputs (P, C) of those side by side (B, L, C)."""
        side_by_side, places = y.flatten(0, 1), self.keep(self.places)
        if side_by_side.stride(0) == 1:  # channels first in memory: then they are picked, and stay, so
            return side_by_side.t().index_select(1, places).t()
        return side_by_side.index_select(0, places)

    def keep(self, x: Tensor) -> Tensor:
        """The wanted entries of a list with one per token."""
        return x if self.wanted is None else x.index_select(0, self.wanted)

    def all(self) -> "Layout":
        """The same with all outputs wanted."""
        return replace(self, wanted=None)

    def to(self, device: torch.device) -> "Layout":
        wanted = None if self.wanted is None else self.wanted.to(device, non_blocking=True)
        return replace(self, places=self.places.to(device, non_blocking=True), wanted=wanted)


def shares(sizes: Tensor) -> Tensor:
    """Sizes (..., L), none negative, divided by their sum; zeros where all are zero."""
    return F.normalize(sizes, p=1.0, dim=-1, eps=torch.finfo(sizes.dtype).tiny)


class Mixer(nn.Module, ABC):
    """What lets positions see each other: projected inwards, mixed, projected outwards.

    A file in `mixers` defines one. Its class makes the layers `in_proj` (d_model to what `mix` reads) and `out_proj`
    (what `mix` returns to d_model) and defines what is abstract here; Python makes none that lacks some of it. It may
    mark parameters (`options.without_decay`) and initialise modules of its own (a method `initialise(deviation)`). The
    file may say how reports name and draw it: LABEL, COLOUR, MARKER.
    """

    in_proj: nn.Linear
    out_proj: nn.Linear

    def forward(self, x: Tensor, layout: Layout | None = None) -> Tensor:
        """(B, L, D) -> the same shape, position t reading positions up to t; or (T, D) -> (P, D) by a layout."""
        if layout is None:
            return self.out_proj(self.mix(self.in_proj(x)))
        return self.out_proj(layout.unpad(self.mix(self.in_proj(layout.pad(x)))))

    @abstractmethod
    def mix(self, z: Tensor) -> Tensor:
        """Mix what was projected inwards, side by side (B, L, C) -> (B, L, D)."""

    @abstractmethod
    def influence(self, z: Tensor) -> Tensor:
        """(B, G, L, L): how much of the output at t comes from position s, per group of channels (heads, or 1).

        Of what was projected inwards (B, L, C), by the mixer's own formula. Rows t are shares: none is negative, none
        lies in the future (s > t), and they sum to 1, or to 0 where the output is 0. A mixer with short convolutions
        before its work counts positions behind them.
        """

    def influence_at(self, z: Tensor, places: Tensor) -> Tensor:
        """(B, G, L): the rows of `influence` at one place each (B,); a mixer may have a shorter way to them."""
        return self.influence(z)[torch.arange(len(z), device=z.device), :, places]

    @abstractmethod
    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The next position alone, x (B, D), given what is kept of those before (None at the start); for decoding."""

    @staticmethod
    @abstractmethod
    def flops(model: Model, length: int, batch: int) -> float:
        """Operations per token of a forward pass over `batch` inputs of `length` tokens."""
