"""The optimiser: AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101), with a state that checkpoints can name."""

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw


class AdamW:
    """Decoupled weight decay on some parameters and none on the rest, by torch's fused kernel.

    The arithmetic is that of `torch.optim.AdamW(fused=True)`, without that class: making one imports torch's compiler,
    which takes as long as importing torch itself.
    """

    def __init__(self, decayed: list[nn.Parameter], rest: list[nn.Parameter], decay: float, betas: tuple[float, float]):
        self.groups, self.betas = [(decayed, decay), (rest, 0.0)], betas
        self.parameters = [*decayed, *rest]
        self.state = {  # per parameter: running means of the gradient and of its square, and the steps so far
            "mean": [torch.zeros_like(p) for p in self.parameters],
            "square": [torch.zeros_like(p) for p in self.parameters],
            "steps": [torch.zeros((), device=p.device) for p in self.parameters],
        }

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move all parameters along their gradients."""
        start = 0
        for parameters, decay in self.groups:
            mine = slice(start, start := start + len(parameters))
            adamw(
                parameters,
                [p.grad for p in parameters],
                self.state["mean"][mine],
                self.state["square"][mine],
                [],
                self.state["steps"][mine],
                fused=True,
                amsgrad=False,
                beta1=self.betas[0],
                beta2=self.betas[1],
                lr=learning_rate,
                weight_decay=decay,
                eps=1e-8,
                maximize=False,
            )

    def zero_grad(self) -> None:
        for p in self.parameters:
            p.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """The state as flat, named tensors."""
        return {f"optimiser.{kind}.{i}": t for kind, kept in self.state.items() for i, t in enumerate(kept)}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` returned."""
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])
