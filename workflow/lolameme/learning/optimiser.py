"""The optimiser: AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) on all parameters at once."""

import itertools
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from lolameme.models.options import groups
from lolameme.study.settings import Training


class AdamW:
    """Decoupled weight decay on matrices, and learning rates, as parameters are marked; with clipped gradients.

    Values and gradients of all parameters lie side by side in one tensor each, of which the parameters become views: a
    step is a handful of operations, however many parameters there are. The arithmetic is torch's fused kernel, without
    the class around it. That pays 2 % of a step at batch 64, width 64 and depth 4, more of a shorter one, and 3 s at
    the start: making the class imports torch's compiler, which takes longer than importing torch itself.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], training: Training):
        members = groups(parameters)
        self.training = training
        parameters = [p for group in members for p in group.parameters]
        self.values = torch.cat([p.detach().flatten() for p in parameters])  # (N,)
        self.gradient, self.mean, self.square = (torch.zeros_like(self.values) for _ in range(3))
        edges = itertools.accumulate((sum(p.numel() for p in group.parameters) for group in members), initial=0)
        self.groups = [(slice(*ends), group) for ends, group in zip(itertools.pairwise(edges), members, strict=True)]
        self.steps = [torch.zeros((), device=self.values.device) for _ in self.groups]
        sizes = [p.numel() for p in parameters]
        self.views = [(p, part.view_as(p)) for p, part in zip(parameters, self.gradient.split(sizes), strict=True)]
        for (p, gradient), value in zip(self.views, self.values.split(sizes), strict=True):
            p.data, p.grad = value.view_as(p), gradient

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move all parameters along their gradients, clipped to `training.clip`; then set the gradients to zero.

        Groups with a peak of their own are warmed up and cooled down with the others.
        """
        training = self.training
        self.gather()
        self.gradient.mul_((training.clip / (torch.linalg.vector_norm(self.gradient) + 1e-6)).clamp(max=1.0))
        for (part, group), steps in zip(self.groups, self.steps, strict=True):
            peak = cast("float", training.learning_rate)  # see `Training.at_width`
            own = 1.0 if group.learning_rate is None else group.learning_rate / peak
            adamw(
                [self.values[part]],
                [self.gradient[part]],
                [self.mean[part]],
                [self.square[part]],
                [],
                [steps],
                fused=True,
                amsgrad=False,
                beta1=training.betas[0],
                beta2=training.betas[1],
                lr=own * learning_rate,
                weight_decay=training.weight_decay if group.decayed else 0.0,
                eps=1e-8,
                maximize=False,
            )
        self.gradient.zero_()

    def gather(self) -> None:
        """Bring gradients that stand elsewhere into the one tensor: `zero_grad` drops the views, and then autograd
        makes new tensors."""
        for p, view in self.views:
            if p.grad is not view:
                view.zero_() if p.grad is None else view.copy_(p.grad)
                p.grad = view

    def tensors(self) -> dict[str, Tensor]:
        """The state as named tensors: running means of the gradient and of its square, and the steps so far."""
        counts = {f"optimiser.steps.{i}": steps for i, steps in enumerate(self.steps)}
        return {"optimiser.mean": self.mean, "optimiser.square": self.square, **counts}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` returned."""
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])
