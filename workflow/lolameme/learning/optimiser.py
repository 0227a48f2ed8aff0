"""The optimiser: AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) on all parameters at once."""

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw


class AdamW:
    """Decoupled weight decay on some parameters and none on the rest, with clipped gradients.

    Values and gradients of all parameters lie side by side in one tensor each, of which the parameters become views: a
    step is a handful of operations, however many parameters there are. The arithmetic is torch's fused kernel, without
    the class around it: making one imports torch's compiler, which takes as long as importing torch itself.
    """

    def __init__(self, decayed: list[nn.Parameter], rest: list[nn.Parameter], decay: float, betas: tuple[float, float]):
        parameters = [*decayed, *rest]
        self.betas = betas
        self.values = torch.cat([p.detach().flatten() for p in parameters])  # (N,)
        self.gradient, self.mean, self.square = (torch.zeros_like(self.values) for _ in range(3))
        edge = sum(p.numel() for p in decayed)
        self.groups = [(slice(edge), decay), (slice(edge, None), 0.0)]
        self.steps = [torch.zeros((), device=self.values.device) for _ in self.groups]
        sizes = [p.numel() for p in parameters]
        for p, value, gradient in zip(parameters, self.values.split(sizes), self.gradient.split(sizes), strict=True):
            p.data, p.grad = value.view_as(p), gradient.view_as(p)

    @torch.no_grad()
    def step(self, learning_rate: float, clip: float) -> None:
        """Move all parameters along their gradients, clipped to the norm `clip`; then set the gradients to zero."""
        self.gradient.mul_((clip / (torch.linalg.vector_norm(self.gradient) + 1e-6)).clamp(max=1.0))
        for (part, decay), steps in zip(self.groups, self.steps, strict=True):
            adamw(
                [self.values[part]],
                [self.gradient[part]],
                [self.mean[part]],
                [self.square[part]],
                [],
                [steps],
                fused=True,
                amsgrad=False,
                beta1=self.betas[0],
                beta2=self.betas[1],
                lr=learning_rate,
                weight_decay=decay,
                eps=1e-8,
                maximize=False,
            )
        self.gradient.zero_()

    def tensors(self) -> dict[str, Tensor]:
        """The state as named tensors: running means of the gradient and of its square, and the steps so far."""
        counts = {f"optimiser.steps.{i}": steps for i, steps in enumerate(self.steps)}
        return {"optimiser.mean": self.mean, "optimiser.square": self.square, **counts}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` returned."""
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])
