"""Attention whose queries, keys and values first pass a short causal convolution."""

from typing import Any

from torch import Tensor

from lolameme.models.mixers.attention import Attention
from lolameme.models.short_convolution import ShortConvolution
from lolameme.study.settings import Model

LABEL = "ShortAttn"  # in reports, with this colour and marker
COLOUR = "#332288"
MARKER = "X"
LOOKS_UP = True  # what it reads depends on what is there
TAPS = "hyena.short_filter"  # the setting of the model that says how many its short convolution has


class ShortAttention(Attention):
    """Attention with what Hyena has beside its long convolution: a short one per channel of q, k and v.

    Canon-B of Allen-Zhu 2025 (arXiv 2512.17351) without its residual link; Mamba and DeltaNet do the same. A control:
    where it does as well as a T HEX stack, the gain is the short convolution's.
    """

    def __init__(self, model: Model):
        super().__init__(model)
        self.short = ShortConvolution(3 * model.d_model, model.hyena.short_filter, model.hyena.masked_taps)

    def mix(self, z: Tensor) -> Tensor:
        return super().mix(self.short(z))

    def influence(self, z: Tensor) -> Tensor:
        """(B, H, L, L): the attention weights, between positions behind the short convolution."""
        return super().influence(self.short(z))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The next position alone, x (B, D), given the latest inputs of the convolution, and keys and values."""
        recent, past = (None, None) if state is None else state
        z, recent = self.short.step(self.in_proj(x), recent)
        y, past = self.attend(z, past)
        return self.out_proj(y), (recent, past)

    @staticmethod
    def flops(model: Model, length: int, batch: int) -> float:
        """Operations per token of a forward pass: attention's, and a multiply-add per tap and channel."""
        return Attention.flops(model, length, batch) + 2 * model.hyena.taps_left * 3 * model.d_model
