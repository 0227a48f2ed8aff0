"""Hyena without its long convolution: projections through a short convolution, multiplied."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lolameme.models.convolution import toeplitz_matrix
from lolameme.models.mixer import Mixer, shares
from lolameme.models.options import without_decay
from lolameme.models.short_convolution import ShortConvolution
from lolameme.study.settings import Model

LABEL = "ShortGate"  # in reports, with this colour and marker
COLOUR = "#882255"
MARKER = "p"
TAPS = "hyena.short_filter"  # the setting of the model that says how many its short convolution has


class ShortGate(Mixer):
    """What is left of Hyena where its long filters are zero: x0 * x1 * ... * v, times the biases that pass v on.

    No position sees further back than the taps of one short convolution. A control: where it does as well as Hyena, the
    long convolution is not what helps.
    """

    def __init__(self, model: Model):
        super().__init__()
        settings, D = model.hyena, model.d_model
        self.order = settings.order
        self.in_proj = nn.Linear(D, (self.order + 1) * D)
        self.short = ShortConvolution((self.order + 1) * D, settings.short_filter, settings.masked_taps)
        self.bias = without_decay(nn.Parameter(torch.randn(self.order - 1, D)))
        self.out_proj = nn.Linear(D, D)

    def mix(self, z: Tensor) -> Tensor:
        return self.product(self.short(z))

    def product(self, convolved: Tensor) -> Tensor:
        """All gates times v times all biases: (..., (order + 1) D) -> (..., D)."""
        return math.prod(convolved.chunk(self.order + 1, dim=-1)) * self.bias.prod(0)

    def influence(self, z: Tensor) -> Tensor:
        """(B, 1, L, L): the size, over channels, of what v's input at s adds to the result at t, given the gates."""
        L, D = z.shape[1], self.out_proj.in_features
        *gates, _ = self.short(z).chunk(self.order + 1, dim=-1)
        gate = (math.prod(gates) * self.bias.prod(0)).transpose(1, 2)  # (B, D, L)
        taps = self.short.taps()[:L, -D:].T  # (D, taps)
        matrix = toeplitz_matrix(F.pad(taps, (0, L - taps.shape[1])))  # (D, L, L)
        inputs = z[..., -D:].transpose(1, 2)  # (B, D, L)
        programs = zip(gate, inputs, strict=True)  # one by one: a matrix per channel is large
        return shares(torch.stack([(g[..., None] * matrix * v[:, None]).norm(dim=0) for g, v in programs])[:, None])

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The next position alone, x (B, D), given the latest inputs of the short convolution; for decoding."""
        convolved, state = self.short.step(self.in_proj(x), state)
        return self.out_proj(self.product(convolved)), state

    @staticmethod
    def flops(model: Model, length: int, batch: int) -> float:
        """Operations per token of a forward pass: projections, short convolution and products."""
        settings, D = model.hyena, model.d_model
        return 2 * (settings.order + 2) * D * D + 2 * settings.taps_left * (settings.order + 1) * D + settings.order * D
