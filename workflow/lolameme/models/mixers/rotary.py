"""Attention with rotary positions."""

import torch
from torch import Tensor

from lolameme.models.mixers.attention import Attention
from lolameme.study.settings import Model

LABEL = "Rotary"  # in reports, with this colour and marker
COLOUR = "#44AA99"
MARKER = "*"
LOOKS_UP = True  # what it reads depends on what is there
_BASE = 10000.0  # of the angles' geometric series, as published


class Rotary(Attention):
    """Attention that sees how far back a key stands: Su et al. 2021 (arXiv 2104.09864, section 3.2.2).

    Queries and keys of position t turn by t times a rate per pair of features, so that their product depends on the
    distance. Pairs are of the first and the second half of a head's features, where the paper pairs neighbours: another
    order of the same features. Of an odd number the last is left as it is.
    """

    def split(self, z: Tensor, start: int = 0) -> tuple[Tensor, ...]:
        q, k, v = super().split(z, start)
        return rotate(q, start), rotate(k, start), v

    @staticmethod
    def flops(model: Model, length: int, batch: int) -> float:
        """Operations per token of a forward pass: attention's, and three per feature of queries and keys."""
        return Attention.flops(model, length, batch) + 6 * model.d_model


def rotate(x: Tensor, start: int = 0) -> Tensor:
    """Turn pairs of features by angles that grow with the position; x and the result are (B, L, H, E)."""
    half = x.shape[-1] // 2
    rates = _BASE ** -(torch.arange(half, device=x.device) / half)  # (E/2,)
    angles = (start + torch.arange(x.shape[1], device=x.device))[:, None, None] * rates  # (L, 1, E/2)
    cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine, rest], dim=-1)
