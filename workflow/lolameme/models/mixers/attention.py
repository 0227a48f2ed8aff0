"""Causal multi-head self-attention, as in GPT-2 (Radford et al. 2019)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lolameme.models.kernels import kernel
from lolameme.models.mixer import Mixer
from lolameme.study.settings import Model

LABEL = "Attn"  # in reports, with this colour and marker
COLOUR = "#0072B2"
MARKER = "o"
LOOKS_UP = True  # what it reads depends on what is there


class Attention(Mixer):
    """softmax(q k^T / sqrt(D/H)) v in H heads, position t reading positions up to t."""

    def __init__(self, model: Model):
        super().__init__()
        self.heads, self.dropout = model.heads, model.attention_dropout
        self.in_proj = nn.Linear(model.d_model, 3 * model.d_model)
        self.out_proj = nn.Linear(model.d_model, model.d_model)

    def mix(self, z: Tensor) -> Tensor:
        q, k, v = self.split(z)
        return kernel(q)(q, k, v, self.dropout if self.training else 0.0).flatten(2)

    def influence(self, z: Tensor) -> Tensor:
        """(B, H, L, L): the attention weights."""
        q, k, _ = self.split(z)
        return attention_weights(q, k)

    def split(self, z: Tensor, start: int = 0) -> tuple[Tensor, ...]:
        """Queries, keys and values, each (B, L, H, D/H), at the positions from `start` on."""
        return z.unflatten(2, (3, self.heads, -1)).unbind(2)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The next position alone, x (B, D), given keys and values (B, T, H, D/H) of those before; for decoding."""
        y, state = self.attend(self.in_proj(x), state)
        return self.out_proj(y), state

    def attend(self, z: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """What the next position reads, (B, D), given what it was projected to, z (B, 3D)."""
        q, k, v = self.split(z[:, None], 0 if state is None else state[0].shape[1])  # each (B, 1, H, D/H)
        keys, values = (k, v) if state is None else (torch.cat(pair, dim=1) for pair in zip(state, (k, v), strict=True))
        q_first, k_first, v_first = (t.transpose(1, 2) for t in (q, keys, values))  # each (B, H, T, D/H)
        return F.scaled_dot_product_attention(q_first, k_first, v_first).flatten(1), (keys, values)

    @staticmethod
    def flops(model: Model, length: int, batch: int) -> float:
        """Operations per token of a forward pass over all positions, as kernels without causal skipping do."""
        return 8 * model.d_model**2 + 4 * length * model.d_model


def plain_attention(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
    """Attention written out: softmax(q k^T / sqrt(D/H)) v over the past. The yardstick for the kernels above."""
    return torch.einsum("bhlm,bmhd->blhd", F.dropout(attention_weights(q, k), dropout), v)


def attention_weights(q: Tensor, k: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(D/H)) over the past, (B, H, L, L), of queries and keys (B, L, H, D/H)."""
    scores = torch.einsum("blhd,bmhd->bhlm", q, k) / q.shape[-1] ** 0.5
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(future, float("-inf")).softmax(-1)
