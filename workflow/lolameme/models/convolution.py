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

# Lengths that FFTs are fast at: products of few small primes.
_FAST = sorted(2**a * 3**b * 5**c for a, b, c in itertools.product(range(1, 21), range(3), range(2)))


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
    return _widened(_Toeplitz, v, k)


def direct(v: Tensor, k: Tensor) -> Tensor:
    """By the definition, in O(L^2): the yardstick."""
    rows = [torch.einsum("bsd,ds->bd", v[:, : t + 1], k[:, : t + 1].flip(-1)) for t in range(v.shape[1])]
    return torch.stack(rows, 1)


def _widened(function: type[torch.autograd.Function], v: Tensor, k: Tensor) -> Tensor:
    wide = torch.promote_types(v.dtype, torch.float32)
    with torch.autocast(v.device.type, enabled=False):
        return function.apply(v.to(wide), k.to(wide)).to(v.dtype)


class _FFT(torch.autograd.Function):
    """The spectral form. Its backward multiplies with conjugate spectra, and transforms the gradient of `k` once for
    the whole batch; torch's own would transform back to complex numbers."""

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
