"""Gated linear attention: a recurrent state per head, written and read like attention, and forgotten by a gate."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lolameme.models.mixer import Mixer, shares
from lolameme.models.short_convolution import ShortConvolution
from lolameme.study.settings import Model

LABEL = "LinAttn"  # in reports, with this colour and marker
COLOUR = "#56B4E9"
MARKER = "D"
LOOKS_UP = True  # what it reads depends on what is there
TAPS = 4  # of the short convolution, as in Mamba
_SOFTENING = 16  # the gate's logarithm is divided by it, so that states start out long-lived
_CHUNK = 64  # positions that are mixed by matrices at once; the state passes from chunk to chunk


class LinearAttention(Mixer):
    """A recurrent state per head, position t reading positions up to t.

    Per head, S_t = a_t S_{t-1} + k_t v_t^T and y_t = S_t^T q_t: linear attention (Katharopoulos et al. 2020, arXiv
    2006.16236) with a gate a_t in (0, 1) that depends on the input. As in Mamba-2 (Dao & Gu 2024, arXiv 2405.21060) the
    gate is one number per head, and a short convolution precedes queries, keys and values; as in GLA (Yang et al. 2023,
    arXiv 2312.06635) the gate is sigmoid(.)^(1/16), and the result is normalised per head and gated.
    """

    def __init__(self, model: Model):
        super().__init__()
        D = model.d_model
        self.heads = model.heads
        self.in_proj = nn.Linear(D, 4 * D + model.heads)  # queries, keys, values, output gate, gate
        self.short = ShortConvolution(3 * D, TAPS, model.hyena.masked_taps)
        self.norm = nn.LayerNorm(D // model.heads)
        self.out_proj = nn.Linear(D, D)

    def mix(self, z: Tensor) -> Tensor:
        mixed, output_gate, gate = self.split(z)
        q, k, v, decay = self.heads_of(mixed, gate)
        y = gated_linear_attention(q, k, v, decay)
        return self.norm(y).transpose(1, 2).flatten(2) * F.silu(output_gate)

    def influence(self, z: Tensor) -> Tensor:
        """(B, H, L, L): |q_t . k_s| times what the gates leave of position s at t, as shares."""
        mixed, _, gate = self.split(z)
        q, k, _, decay = self.heads_of(mixed, gate)
        return shares((q @ k.transpose(-1, -2)).abs() * remaining(decay))

    def heads_of(self, mixed: Tensor, gate: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values (B, H, L, D/H) and the logarithm of the gate (B, H, L) of what `split` returns."""
        q, k, v = F.silu(self.short(mixed)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        gate = gate.to(torch.promote_types(gate.dtype, torch.float32))  # sums of logarithms need the digits
        return q * q.shape[-1] ** -0.5, k, v, F.logsigmoid(gate).transpose(1, 2) / _SOFTENING

    def split(self, z: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values together (..., 3D), the output gate (..., D) and the gate (..., H)."""
        D = self.out_proj.in_features
        return z.split((3 * D, D, self.heads), dim=-1)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The next position alone, x (B, D), given latest inputs and S (B, H, D/H, D/H); for decoding."""
        B, D = x.shape
        recent, written = state if state is not None else (None, x.new_zeros(B, self.heads, *2 * [D // self.heads]))
        mixed, output_gate, gate = self.split(self.in_proj(x))
        mixed, recent = self.short.step(mixed, recent)
        q, k, v = F.silu(mixed).view(B, 3, self.heads, D // self.heads).unbind(1)  # each (B, H, D/H)
        decay = (F.logsigmoid(gate) / _SOFTENING).exp()  # (B, H)
        written = decay[..., None, None] * written + k[..., :, None] * v[..., None, :]
        y = torch.einsum("bhe,bhef->bhf", q * q.shape[-1] ** -0.5, written)
        return self.out_proj(self.norm(y).reshape(B, D) * F.silu(output_gate)), (recent, written)

    @staticmethod
    def flops(model: Model, length: int, batch: int) -> float:
        """Operations per token of a forward pass; within a chunk all positions count, past and future."""
        D, E = model.d_model, model.d_model // model.heads
        taps = len(set(range(TAPS)) - set(model.hyena.masked_taps))
        projections = 2 * (5 * D * D + D * model.heads) + 2 * taps * 3 * D
        chunks = [min(_CHUNK, length - start) for start in range(0, length, _CHUNK)]
        written, read = sum(chunks[:-1]), sum(chunks[1:])  # positions that write the state, and that read it
        return projections + (4 * D * sum(c * c for c in chunks) + 2 * D * E * (written + read)) / length


def gated_linear_attention(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, chunk: int = _CHUNK) -> Tensor:
    """y_t = sum over s <= t of exp(log_decay summed over s+1..t) (q_t . k_s) v_s.

    q, k, v and the result are (B, H, L, E); `log_decay`, not above 0, is (B, H, L). Linear in L: quadratic within
    chunks, and a state (B, H, E, E) between them. Only differences of sums that are not above 0 are exponentiated.
    """
    L, state, parts = q.shape[2], None, []
    chunks = zip(*(t.split(chunk, dim=2) for t in (q, k, v, log_decay)), strict=True)  # slices would cost O(L) each
    for start, (q_, k_, v_, steps) in zip(range(0, L, chunk), chunks, strict=True):
        total, weights = steps.cumsum(-1), remaining(steps)  # (B, H, C), (B, H, C, C)
        y = (q_ @ k_.transpose(-1, -2) * weights) @ v_.to(weights.dtype)
        if state is not None:
            y = y + total.exp()[..., None] * (q_.to(state.dtype) @ state)
        if start + chunk < L:
            left = (total[..., -1:] - total).exp()[..., None]  # (B, H, C, 1) what is left of each write at the end
            write = (k_ * left).transpose(-1, -2) @ v_.to(left.dtype)
            state = write if state is None else total[..., -1, None, None].exp() * state + write
        parts.append(y)
    return torch.cat(parts, dim=2).to(v.dtype)


def remaining(log_decay: Tensor) -> Tensor:
    """(..., L, L) of (..., L): what is left at position t of what was written at s, exp(log_decay over s+1..t)."""
    total = log_decay.cumsum(-1)
    future = torch.ones(2 * total.shape[-1:], dtype=torch.bool, device=total.device).triu(1)
    return (total[..., :, None] - total[..., None, :]).masked_fill(future, float("-inf")).exp()


def recurrent(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor) -> Tensor:
    """The definition, position after position: the yardstick for the form above."""
    state = v.new_zeros(*k.shape[:2], k.shape[-1], v.shape[-1])
    outputs = []
    for t in range(q.shape[2]):
        state = log_decay[:, :, t, None, None].exp() * state + k[:, :, t, :, None] * v[:, :, t, None, :]
        outputs.append(torch.einsum("bhe,bhef->bhf", q[:, :, t], state))
    return torch.stack(outputs, 2)
