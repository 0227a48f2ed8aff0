"""Causal convolutions along the length: y[t] = sum over s <= t of k[t - s] v[s], per channel.

Three forms of one sum: `direct` is the definition, `toeplitz` a matrix product per channel (best for short inputs),
`fft` a product of spectra of length 2L (best for long ones).
"""

import bisect
import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

# Where the matrix form was measured faster than the FFT on a CPU, forward and backward (benchmarks/): the cost of its
# matrices does not depend on the batch.
_TOEPLITZ_UP_TO, _TOEPLITZ_BATCH = 60, 16

# Lengths that FFTs are fast at: multiples of 8 that are products of few small primes.
_FAST = sorted(8 * 2**a * 3**b * 5**c * 7**d for a, b, c, d in itertools.product(range(19), *map(range, (3, 3, 2))))


def causal_convolution(v: Tensor, k: Tensor) -> Tensor:
    """Convolve `v` (B, L, D) with the filters `k` (D, L); returns (B, L, D). Picks the faster form."""
    return form(v)(v, k)


def form(v: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """The form that was measured to be the faster one for inputs like `v`."""
    short = v.shape[0] >= _TOEPLITZ_BATCH and v.shape[1] <= _TOEPLITZ_UP_TO
    return toeplitz if short and v.device.type == "cpu" else fft


def fft(v: Tensor, k: Tensor) -> Tensor:
    """By FFT of at least twice the length, in at least float32."""
    return _widened(_FFT, v, k)


def toeplitz(v: Tensor, k: Tensor) -> Tensor:
    """By one lower-triangular (L, L) matrix per channel, in at least float32."""
    with torch.autocast(v.device.type, enabled=False):
        return _widened(_Toeplitz, v, k)


def direct(v: Tensor, k: Tensor) -> Tensor:
    """By the definition, in O(L^2): the yardstick."""
    rows = [torch.einsum("bsd,ds->bd", v[:, : t + 1], k[:, : t + 1].flip(-1)) for t in range(v.shape[1])]
    return torch.stack(rows, 1)


def toeplitz_matrix(k: Tensor) -> Tensor:
    """(..., L, L) lower-triangular matrices with k[t - s] in row t and column s, of filters (..., L)."""
    L = k.shape[-1]
    return F.pad(k.flip(-1), (0, L - 1)).unfold(-1, L, 1).flip(-2)


def _widened(function: type[torch.autograd.Function], v: Tensor, k: Tensor) -> Tensor:
    wide = torch.promote_types(v.dtype, torch.float32)
    return function.apply(v.to(wide), k.to(wide)).to(v.dtype)


class _FFT(torch.autograd.Function):
    """The spectral form. Its backward multiplies with conjugate spectra, and transforms the gradient of `k` once for
    the whole batch; torch's own would transform back to complex numbers.

    Forward and backward take 0.3 to 0.96 of the time of torch's FFT of length 2L: least where 2L has a large prime
    factor, about the same where it has none (benchmarks/training.py).
    """

    @staticmethod
    def forward(ctx, v: Tensor, k: Tensor) -> Tensor:
        L = v.shape[1]
        ctx.n = n = _FAST[bisect.bisect_left(_FAST, 2 * L - 1)]
        v_spectrum = torch.fft.rfft(v.transpose(1, 2).contiguous(), n=n)  # (B, D, n/2 + 1)
        k_spectrum = torch.fft.rfft(k, n=n)  # (D, n/2 + 1)
        ctx.save_for_backward(v_spectrum, k_spectrum)
        return torch.fft.irfft(v_spectrum * k_spectrum, n=n)[..., :L].transpose(1, 2)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        v_spectrum, k_spectrum = ctx.saved_tensors
        L, n = gradient.shape[1], ctx.n
        spectrum = torch.fft.rfft(gradient.transpose(1, 2).contiguous(), n=n)
        to_v = torch.fft.irfft(spectrum * k_spectrum.conj(), n=n)[..., :L].transpose(1, 2)
        to_k = torch.fft.irfft((spectrum * v_spectrum.conj()).sum(0), n=n)[:, :L]
        return to_v, to_k


class _Toeplitz(torch.autograd.Function):
    """The matrix form, with outputs from last to first: then entry (r, s) of a matrix is k[L - 1 - r - s], which reads
    the reversed filter from left to right in every row, and the gradient of a tap is a sum where r + s is constant."""

    @staticmethod
    def forward(ctx, v: Tensor, k: Tensor) -> Tensor:
        L = v.shape[1]
        matrix = F.pad(k.flip(-1), (0, L - 1)).unfold(1, L, 1).contiguous()  # (D, L, L)
        columns = v.permute(2, 1, 0).contiguous()  # (D, L, B)
        ctx.save_for_backward(matrix, columns)
        return torch.bmm(matrix, columns).flip(1).permute(2, 1, 0)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        matrix, columns = ctx.saved_tensors
        L = matrix.shape[-1]
        gradient = gradient.permute(2, 1, 0).flip(1).contiguous()  # (D, L, B)
        to_v = torch.bmm(matrix.transpose(1, 2), gradient).permute(2, 1, 0)
        outer = torch.bmm(gradient, columns.transpose(1, 2))  # (D, L, L), rows r, columns s
        # read as rows shorter by one than they are, column c holds what has r + s = c, and below the diagonal others
        skewed = outer.as_strided(outer.shape, (L * L, L - 1, 1)).triu()
        return to_v, skewed.sum(1).flip(-1)
