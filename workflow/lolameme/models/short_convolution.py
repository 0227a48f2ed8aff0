"""The short convolution that many mixers put before their own work: a few explicit taps per channel."""

import math

import torch
from torch import Tensor, nn

from lolameme.models.options import without_decay


class ShortConvolution(nn.Module):
    """A depthwise causal convolution with a few explicit taps: (B, L, C) -> (B, L, C)."""

    def __init__(self, channels: int, taps: int):
        super().__init__()
        bound = 1 / math.sqrt(taps)  # torch's own, for convolutions
        weight = nn.Parameter(torch.empty(taps, channels).uniform_(-bound, bound))
        self.weight = without_decay(weight)  # weight[i] meets x[t - i]
        self.bias = nn.Parameter(torch.empty(channels).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return _Taps.apply(x, self.weight.to(x.dtype), self.bias.to(x.dtype))

    def step(self, x: Tensor, recent: Tensor | None) -> tuple[Tensor, Tensor]:
        """The next position alone, x (B, C), given up to taps - 1 inputs before it (B, T, C), latest last."""
        seen = x[:, None] if recent is None else torch.cat([recent, x[:, None]], dim=1)[:, -len(self.weight) :]
        y = self.bias + (seen * self.weight[: seen.shape[1]].flip(0)).sum(1)
        return y, seen


class _Taps(torch.autograd.Function):
    """y[t] = bias + sum over i of weight[i] x[t - i]; forward and backward add in place, tap by tap."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        y = torch.addcmul(bias, x, weight[0])
        for i in range(1, min(len(weight), x.shape[1])):
            y[:, i:].addcmul_(x[:, :-i], weight[i])
        return y

    @staticmethod
    def backward(ctx, gradient: Tensor):
        x, weight = ctx.saved_tensors
        to_x, to_weight = gradient * weight[0], torch.zeros_like(weight)
        to_weight[0] = (gradient * x).sum((0, 1))
        for i in range(1, min(len(weight), x.shape[1])):
            to_x[:, :-i].addcmul_(gradient[:, i:], weight[i])
            to_weight[i] = (gradient[:, i:] * x[:, :-i]).sum((0, 1))
        return to_x, to_weight, gradient.sum((0, 1))
