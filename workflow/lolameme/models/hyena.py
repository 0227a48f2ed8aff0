"""The Hyena operator: gated, implicitly parametrised long convolutions (Poli et al. 2023, arXiv 2302.10866)."""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lolameme import config
from lolameme.models.convolution import causal_convolution


class Hyena(nn.Module):
    """A mixer: (batch, length, d_model) -> the same shape, position t reading positions up to t.

    Definition 3.1 of the paper with N = `order`: projections x0, ..., x_{N-1} and v of the input, each through a short
    convolution; then v <- x_i * v and v <- h_i * v (a long convolution, with a bias that passes v on) for
    i = N-1, ..., 1; the result is x0 * v, projected.
    """

    def __init__(self, model: config.Model, max_length: int):
        super().__init__()
        knobs, D = model.hyena, model.d_model
        self.order = knobs.order
        self.inward = nn.Linear(D, (knobs.order + 1) * D)
        self.short = ShortConvolution((knobs.order + 1) * D, knobs.short_filter)
        self.filters = ImplicitFilter(knobs, D, knobs.order - 1, max_length)
        self.bias = nn.Parameter(torch.randn(knobs.order - 1, D))
        self.out = nn.Linear(D, D)

    def forward(self, x: Tensor) -> Tensor:
        *gates, v = self.short(self.inward(x)).chunk(self.order + 1, dim=-1)  # each (B, L, D)
        filters = self.filters(x.shape[1])  # (order - 1, D, L)
        for gate, h, bias in zip(gates[:0:-1], filters, self.bias, strict=True):
            v = v * gate
            v = causal_convolution(v, h) + v * bias
        return self.out(v * gates[0])


class ShortConvolution(nn.Module):
    """A depthwise causal convolution with a few explicit taps: (B, L, C) -> (B, L, C)."""

    def __init__(self, channels: int, taps: int):
        super().__init__()
        bound = 1 / math.sqrt(taps)
        self.weight = nn.Parameter(torch.empty(taps, channels).uniform_(-bound, bound))  # weight[i] meets x[t - i]
        self.bias = nn.Parameter(torch.empty(channels).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.addcmul(self.bias, x, self.weight[0])
        for i in range(1, min(len(self.weight), x.shape[1])):
            y = y + F.pad(x[:, :-i] * self.weight[i], (0, 0, i, 0))
        return y


class ImplicitFilter(nn.Module):
    """Long filters as a function of time: an MLP with sine activations on positional features, under a decay window.

    Section 3.3 and appendix of the paper. Time runs from 0 to 1 over `max_length` positions, so a shorter input sees
    the start of the same filters. Frequencies of the sines are learned, starting at w.
    """

    def __init__(self, knobs: config.Hyena, channels: int, filters: int, max_length: int):
        super().__init__()
        self.filters, width = filters, knobs.filter_width
        t = torch.linspace(0, 1, max_length)[:, None]  # (L, 1)
        bands = (knobs.filter_features - 1) // 2
        angle = 2 * math.pi * torch.arange(max_length)[:, None] / max_length  # (L, 1)
        wave = angle * torch.linspace(1e-4, bands - 1, bands)  # (L, bands)
        self.features = nn.Parameter(torch.cat([t, wave.cos(), -wave.sin()], dim=1), requires_grad=False)
        # channel c falls to `target` after a share of the length between fast_decay and slow_decay
        slowest, fastest = (math.log(1 / knobs.target) / share for share in (knobs.slow_decay, knobs.fast_decay))
        rates = torch.linspace(fastest, slowest, channels)
        self.register_buffer("window", torch.exp(-t * rates).T.contiguous(), persistent=False)  # (D, L)
        sizes = [knobs.filter_features, *[width] * (knobs.filter_layers + 1)]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.frequency = nn.Parameter(torch.full((width,), float(knobs.frequency)))
        self.out = nn.Linear(width, filters * channels, bias=False)

    def forward(self, length: int) -> Tensor:
        """(filters, D, length) filter taps."""
        h = self.features[:length]
        for layer in self.layers:
            h = torch.sin(self.frequency * layer(h))  # (L, width)
        h = self.out(h).T.unflatten(0, (self.filters, -1))  # (filters, D, L)
        return h * self.window[:, :length]
