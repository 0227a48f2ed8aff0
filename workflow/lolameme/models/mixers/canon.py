"""Attention behind a residual short causal convolution."""

from typing import Any

from torch import Tensor

from lolameme.models.mixer import Layout
from lolameme.models.mixers.attention import Attention
from lolameme.models.short_convolution import ShortConvolution
from lolameme.study.settings import Model

LABEL = "Canon"  # in reports, with this colour and marker
COLOUR = "#999933"
MARKER = "h"
LOOKS_UP = True  # what it reads depends on what is there
TAPS = "hyena.short_filter"  # the setting of the model that says how many its short convolution has


class Canon(Attention):
    """Attention that reads x + conv(x) instead of x: Canon-A of Allen-Zhu 2025 (arXiv 2512.17351, section 3).

    There the convolution has four taps; here as many as Hyena's short one, so that they can be compared.
    """

    def __init__(self, model: Model):
        super().__init__(model)
        self.short = ShortConvolution(model.d_model, model.hyena.short_filter, model.hyena.masked_taps)

    def forward(self, x: Tensor, layout: Layout | None = None) -> Tensor:
        """(B, L, D) -> the same shape; or (T, D) -> (P, D) by a layout: see `Mixer`."""
        near = self.short(x) if layout is None else layout.all().unpad(self.short(layout.pad(x)))
        return super().forward(x + near, layout)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The next position alone, x (B, D), given the latest inputs, and keys and values of those before."""
        recent, past = (None, None) if state is None else state
        near, recent = self.short.step(x, recent)
        y, past = super().step(x + near, past)
        return y, (recent, past)

    @staticmethod
    def flops(model: Model, length: int, batch: int) -> float:
        """Operations per token of a forward pass: attention's, and a multiply-add per tap and channel."""
        return Attention.flops(model, length, batch) + 2 * model.hyena.taps_left * model.d_model
