"""Causal convolutions along the length: y[t] = sum over s <= t of k[t - s] v[s], per channel.

Three forms of one sum: `direct` is the definition, `toeplitz` a matrix product per channel (best for short inputs),
`fft` a product of spectra of length 2L (best for long ones).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

# Longest input for which the matrix form was measured faster than the FFT, forward and backward (benchmarks/).
TOEPLITZ_UP_TO = {"cpu": 80, "cuda": 0}


def causal_convolution(v: Tensor, k: Tensor) -> Tensor:
    """Convolve `v` (B, L, D) with the filters `k` (D, L); returns (B, L, D). Picks the faster form for L."""
    return (toeplitz if v.shape[1] <= TOEPLITZ_UP_TO.get(v.device.type, 0) else fft)(v, k)


def fft(v: Tensor, k: Tensor) -> Tensor:
    """By FFT of length 2L, in at least float32."""
    L = v.shape[1]
    wide = torch.promote_types(v.dtype, torch.float32)
    spectrum = torch.fft.rfft(v.to(wide).transpose(1, 2), n=2 * L) * torch.fft.rfft(k.to(wide), n=2 * L)
    return torch.fft.irfft(spectrum, n=2 * L)[..., :L].transpose(1, 2).to(v.dtype)


def toeplitz(v: Tensor, k: Tensor) -> Tensor:
    """By one lower-triangular (L, L) matrix per channel, in at least float32."""
    wide = torch.promote_types(v.dtype, torch.float32)
    with torch.autocast(v.device.type, enabled=False):
        return _Toeplitz.apply(v.to(wide), k.to(wide)).to(v.dtype)


def direct(v: Tensor, k: Tensor) -> Tensor:
    """By the definition, in O(L^2): the yardstick."""
    rows = [torch.einsum("bsd,ds->bd", v[:, : t + 1], k[:, : t + 1].flip(-1)) for t in range(v.shape[1])]
    return torch.stack(rows, 1)


class _Toeplitz(torch.autograd.Function):
    """The matrix form; its backward sums the gradient along diagonals instead of scattering it."""

    @staticmethod
    def forward(ctx, v: Tensor, k: Tensor) -> Tensor:
        matrix = _matrix(k)  # (D, L, L)
        columns = v.permute(2, 1, 0).contiguous()  # (D, L, B)
        ctx.save_for_backward(matrix, columns)
        return torch.bmm(matrix, columns).permute(2, 1, 0)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        matrix, columns = ctx.saved_tensors
        L = matrix.shape[-1]
        gradient = gradient.permute(2, 1, 0).contiguous()  # (D, L, B)
        to_v = torch.bmm(matrix.transpose(1, 2), gradient).permute(2, 1, 0)
        outer = torch.bmm(gradient, columns.transpose(1, 2))  # (D, L, L): rows t, columns s
        # a row shorter by one than the flat stride puts the diagonal t - s = j into column j
        flipped = F.pad(outer.flip(-1), (0, L))  # (D, L, 2L), column c holds s = L - 1 - c
        skewed = flipped.flatten(1)[:, : L * (2 * L - 1)].view(-1, L, 2 * L - 1)  # column L - 1 + j holds t - s = j
        return to_v, skewed.sum(1)[:, L - 1 :]


def _matrix(k: Tensor) -> Tensor:
    """(D, L, L) matrices M[t, s] = k[t - s], zero above the diagonal."""
    L = k.shape[-1]
    padded = F.pad(k.flip(-1), (0, L))  # (D, 2L): k[L-1] ... k[0] 0 ... 0
    # row t starts L - 1 - t further in, so that k[0] meets the diagonal
    return padded.unfold(1, L, 1)[:, :L].flip(1)
