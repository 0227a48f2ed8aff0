"""The Hyena operator: gated, implicitly parametrised long convolutions (Poli et al. 2023, arXiv 2302.10866)."""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lolameme.models.convolution import causal_convolution, toeplitz_matrix
from lolameme.models.mixer import Mixer, shares
from lolameme.models.options import without_decay
from lolameme.models.short_convolution import ShortConvolution
from lolameme.study.settings import Hyena as Settings
from lolameme.study.settings import Model

LABEL = "Hyena"  # in reports, with this colour and marker
COLOUR = "#D55E00"
MARKER = "s"
LONG_FILTER = True  # it reads any distance, wherever something stands
TAPS = "hyena.short_filter"  # the setting of the model that says how many its short convolution has
_FEATURE_RATE = 1e-5  # learning rate of the positional features, as published


class Hyena(Mixer):
    """Gates and long convolutions in turn, position t reading positions up to t.

    Definition 3.1 of the paper with N = `order`: projections x0, ..., x_{N-1} and v of the input, each through a short
    convolution; then v <- x_i * v and v <- h_i * v (a long convolution, with a bias that passes v on) for
    i = N-1, ..., 1; the result is x0 * v, projected.

    With the same weights it is the operator of the paper's code (github.com/HazyResearch/safari, HyenaOperator), for
    every order. What stays different is how it is trained: filters have the study's learning rate, as in the language
    models of that code, where the operator alone says 1e-3, so that tuning reaches them; and they start as torch's
    linear layers do, as in the operator alone, where those models draw them from normal(0, 0.02). Neither decays.
    """

    def __init__(self, model: Model):
        super().__init__()
        settings, D = model.hyena, model.d_model
        self.order = settings.order
        self.in_proj = ChannelsFirst(D, (settings.order + 1) * D)
        self.short = ShortConvolution((settings.order + 1) * D, settings.short_filter, settings.masked_taps)
        self.filters = ImplicitFilter(settings, D, settings.order - 1, model.length)
        self.bias = without_decay(nn.Parameter(torch.randn(settings.order - 1, D)))
        self.out_proj = nn.Linear(D, D)

    def mix(self, z: Tensor) -> Tensor:
        *gates, v = self.short(z).permute(2, 0, 1).chunk(self.order + 1)  # each (D, B, L)
        for gate, h in zip(gates[:0:-1], self.taps(z.shape[1]), strict=True):
            v = causal_convolution(v * gate, h)
        return (v * gates[0]).permute(1, 2, 0)

    def taps(self, length: int) -> Tensor:
        """(order - 1, D, length) what the long convolutions multiply with: the filters, with the bias at t - s = 0."""
        return self.filters(length) + F.pad(self.bias[..., None], (0, length - 1))

    def matrix(self, z: Tensor) -> Tensor:
        """(B, D, L, L) the matrices that map v to the result, per channel, for what was projected inwards (B, L, C).

        Given its gates the operator is linear in v: y = D_x0 T_h1 D_x1 ... v, with the gates on diagonals and the
        filters as lower-triangular Toeplitz matrices (section 3.2 of the paper).
        """
        *gates, _ = self.short(z).transpose(1, 2).chunk(self.order + 1, dim=1)  # each (B, D, L)
        product = None
        for gate, h in zip(gates[:0:-1], self.taps(z.shape[1]), strict=True):
            factor = toeplitz_matrix(h) * gate[:, :, None, :]  # (B, D, L, L)
            product = factor if product is None else factor @ product
        return gates[0][..., None] * product

    def influence(self, z: Tensor) -> Tensor:
        """(B, 1, L, L): the size, over channels, of what v at position s adds to the result at t, as shares."""
        v = self.short(z).chunk(self.order + 1, dim=-1)[-1].transpose(1, 2)  # (B, D, L)
        programs = zip(z.split(1), v, strict=True)  # one by one: a matrix per channel is large
        return shares(torch.stack([(self.matrix(one) * v[:, None]).norm(dim=1) for one, v in programs]))

    def influence_at(self, z: Tensor, places: Tensor) -> Tensor:
        """(B, 1, L): those rows without the matrices, from the result inwards."""
        first, *gates, v = self.short(z).transpose(1, 2).chunk(self.order + 1, dim=1)  # each (B, D, L)
        *inner, outer = self.taps(z.shape[1])  # each (D, L)
        lags = places[:, None] - torch.arange(z.shape[1], device=z.device)  # (B, L)
        at = first.gather(2, places[:, None, None].expand(-1, first.shape[1], 1))  # (B, D, 1)
        row = at * outer[:, lags.clamp(min=0)].transpose(0, 1) * (lags >= 0)[:, None] * gates[0]  # (B, D, L)
        for gate, h in zip(gates[1:], inner[::-1], strict=True):
            row = torch.einsum("bdt,dts->bds", row, toeplitz_matrix(h)) * gate
        return shares((row * v).norm(dim=1))[:, None]

    def step(self, x: Tensor, state: tuple[Tensor, Tensor, Tensor | None] | None) -> tuple[Tensor, tuple]:
        """The next position alone, x (B, D); for decoding.

        The state holds the filters (order - 1, D, max length), the latest inputs of the short convolution, and all
        inputs of the long ones (order - 1, B, T, D).
        """
        filters, recent, before = (self.filters(len(self.filters.features)), None, None) if state is None else state
        z, recent = self.short.step(self.in_proj(x), recent)
        *gates, v = z.chunk(self.order + 1, dim=-1)  # each (B, D)
        inputs = []
        for i, (gate, bias) in enumerate(zip(gates[:0:-1], self.bias, strict=True)):
            now = (v * gate)[:, None]
            past = now if before is None else torch.cat([before[i], now], dim=1)  # (B, T, D)
            inputs.append(past)
            v = torch.einsum("btd,dt->bd", past, filters[i, :, : past.shape[1]].flip(-1)) + now[:, 0] * bias
        return self.out_proj(v * gates[0]), (filters, recent, torch.stack(inputs))

    @staticmethod
    def flops(model: Model, length: int, batch: int) -> float:
        """Operations per token of a forward pass, convolutions by real FFTs of length N = 2L at 2.5 N log2 N each.

        The filters are evaluated, and transformed, once per pass, whatever the batch.
        """
        settings, D = model.hyena, model.d_model
        projections = 2 * (settings.order + 2) * D * D
        short = 2 * settings.taps_left * (settings.order + 1) * D
        gates = settings.order * D
        transform = 5 * math.log2(2 * length)  # per channel and position
        convolution = (settings.order - 1) * D * ((2 + 1 / batch) * transform + 6)  # 6: the product of two spectra
        width = settings.filter_width
        inside = settings.filter_features + settings.filter_layers * width + (settings.order - 1) * D
        return projections + short + gates + convolution + 2 * width * inside / batch


class ChannelsFirst(nn.Linear):
    """A linear layer whose result (B, L, C) lies in memory as (C, B, L), as convolutions want it: the matrix product
    writes it so at no cost, where a copy would have to transpose."""

    def forward(self, x: Tensor) -> Tensor:
        y = torch.addmm(self.bias[:, None], self.weight, x.flatten(0, -2).t())  # (C, B * L)
        return y.unflatten(1, x.shape[:-1]).movedim(0, -1)


class ImplicitFilter(nn.Module):
    """Long filters as a function of time: an MLP with sine activations on positional features, under a decay window.

    Section 3.3 and appendix of the paper. Time runs from 0 to 1 over `length` positions, so a shorter input sees
    the start of the same filters. Frequencies of the sines are learned, starting at w; the positional features too, at
    a rate of their own. One spread of decay rates, from slow to fast, runs over the channels of all filters together:
    filter i of channel c is number c * filters + i, in the window and in the rows of `out`.
    """

    def __init__(self, settings: Settings, channels: int, filters: int, length: int):
        super().__init__()
        self.filters, width = filters, settings.filter_width
        t = torch.linspace(0, 1, length)[:, None]  # (L, 1)
        bands = (settings.filter_features - 1) // 2
        angle = 2 * math.pi * torch.arange(length)[:, None] / length  # (L, 1)
        wave = angle * torch.linspace(1e-4, bands - 1, bands)  # (L, bands)
        features = nn.Parameter(torch.cat([t, wave.cos(), -wave.sin()], dim=1))
        # each falls to `target` after a share of the length between slow_decay and fast_decay
        slowest, fastest = (
            math.log(1 / settings.target) / share for share in (settings.slow_decay, settings.fast_decay)
        )
        rates = torch.linspace(slowest, fastest, channels * filters)
        self.window: Tensor
        self.register_buffer("window", torch.exp(-t * rates).T.contiguous(), persistent=False)  # (D * filters, L)
        sizes = [settings.filter_features, *[width] * (settings.filter_layers + 1)]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.frequency = nn.Parameter(torch.full((width,), float(settings.frequency)))
        self.out = nn.Linear(width, channels * filters, bias=False)
        for parameter in self.parameters():
            without_decay(parameter)
        self.features = without_decay(features, _FEATURE_RATE)

    def initialise(self, deviation: float) -> None:
        """Keep torch's own initialisation, which sine activations need: Stack's is for the residual stream."""

    def forward(self, length: int) -> Tensor:
        """(filters, D, length) filter taps."""
        h = self.features[:length]
        for layer in self.layers:
            h = torch.sin(self.frequency * layer(h))  # (L, width)
        h = F.linear(self.out.weight, h) * self.window[:, :length]  # (D * filters, L): the projection, transposed
        return h.unflatten(0, (-1, self.filters)).transpose(0, 1)
