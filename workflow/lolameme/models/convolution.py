"""Causal convolutions along the length: y[t] = sum over s <= t of k[t - s] v[s], per channel. Channels stand first.

Three forms of one sum: `direct` is the definition, `toeplitz` a matrix product per channel (best for short inputs),
`fft` a product of spectra of length 2L (best for long ones).
"""

import bisect
import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

# The matrix form was measured faster than the FFT on a CPU, forward and backward, where L^3 is at most this many times
# the batch (benchmarks/training.py): its matrices cost the same for any number of programs.
_TOEPLITZ_UP_TO = 2**14

# Lengths that FFTs are fast at: multiples of 8 that are products of few small primes.
_FAST = sorted(8 * 2**a * 3**b * 5**c * 7**d for a, b, c, d in itertools.product(range(19), *map(range, (3, 3, 2))))


def causal_convolution(v: Tensor, k: Tensor) -> Tensor:
    """Convolve `v` (D, B, L) with the filters `k` (D, L); returns (D, B, L). Picks the faster form."""
    return form(v)(v, k)


def form(v: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """The form that was measured to be the faster one for inputs like `v`."""
    _, B, L = v.shape
    return toeplitz if v.device.type == "cpu" and L**3 <= _TOEPLITZ_UP_TO * B else fft


def fft(v: Tensor, k: Tensor) -> Tensor:
    """By FFT of at least twice the length, in at least float32."""
    return _widened(_FFT, v, k)


def toeplitz(v: Tensor, k: Tensor) -> Tensor:
    """By one triangular (L, L) matrix per channel, in at least float32."""
    with torch.autocast(v.device.type, enabled=False):
        return _widened(_Toeplitz, v, k)


def direct(v: Tensor, k: Tensor) -> Tensor:
    """By the definition, in O(L^2): the yardstick."""
    places = [torch.einsum("dbs,ds->db", v[..., : t + 1], k[:, : t + 1].flip(-1)) for t in range(v.shape[2])]
    return torch.stack(places, 2)


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

    Forward and backward take 0.56 to 0.91 of the time of torch's FFT of length 2L from 16 tokens on, for six as long as
    it (benchmarks/training.py).
    """

    @staticmethod
    def forward(ctx, v: Tensor, k: Tensor) -> Tensor:
        L = v.shape[2]
        ctx.n = n = _FAST[bisect.bisect_left(_FAST, 2 * L - 1)]
        v_spectrum = torch.fft.rfft(v, n=n)  # (D, B, n/2 + 1)
        k_spectrum = torch.fft.rfft(k, n=n)[:, None]  # (D, 1, n/2 + 1)
        ctx.save_for_backward(v_spectrum, k_spectrum)
        return torch.fft.irfft(v_spectrum * k_spectrum, n=n)[..., :L]

    @staticmethod
    def backward(ctx, gradient: Tensor):
        v_spectrum, k_spectrum = ctx.saved_tensors
        L, n = gradient.shape[2], ctx.n
        spectrum = torch.fft.rfft(gradient, n=n)
        to_v = torch.fft.irfft(spectrum * k_spectrum.conj(), n=n)[..., :L]
        to_k = torch.fft.irfft((spectrum * v_spectrum.conj()).sum(1), n=n)[:, :L]
        return to_v, to_k


class _Toeplitz(torch.autograd.Function):
    """The matrix form: row s, column t of a channel's matrix is k[t - s], so that a row of `v` times it is a result."""

    @staticmethod
    def forward(ctx, v: Tensor, k: Tensor) -> Tensor:
        L = v.shape[2]
        matrix = F.pad(k, (L - 1, 0)).unfold(1, L, 1).flip(1)  # (D, L, L)
        ctx.save_for_backward(v, matrix)
        return torch.bmm(v, matrix)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        v, matrix = ctx.saved_tensors
        D, _, L = v.shape
        to_v = torch.bmm(gradient, matrix.transpose(1, 2))
        memory = v.new_empty(D * L * L + L)  # the gradient of the matrices, and what the view below reads behind it
        memory[-L:] = 0
        torch.bmm(v.transpose(1, 2), gradient, out=memory[:-L].view(D, L, L))
        # as rows longer by one than they are, column j holds what has t - s = j, and where s + j >= L others
        skewed = memory.as_strided((D, L, L), (L * L, L + 1, 1))
        to_k = (skewed * gradient.new_ones(L, L).tril().flip(0)).sum(1)
        return to_v, to_k
