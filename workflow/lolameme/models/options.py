"""What the optimiser does otherwise with some parameters, said where they are made.

Weight decay falls on matrices; the marks here take a parameter out of it, or give it a learning rate of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Group:
    """Parameters that the optimiser treats alike."""

    parameters: list[nn.Parameter]
    decayed: bool
    learning_rate: float | None  # the peak, where it is the group's own


def without_decay(parameter: nn.Parameter, learning_rate: float | None = None) -> nn.Parameter:
    """The parameter, marked: it never decays, and has this peak of the learning rate, if one is given."""
    marked: Any = parameter
    marked.no_decay, marked.learning_rate = True, learning_rate
    return parameter


def groups(parameters: Iterable[nn.Parameter]) -> list[Group]:
    """Trained parameters by how they are treated: those that decay, then those that do not, then other rates."""
    found: dict[tuple[bool, float | None], list[nn.Parameter]] = {(True, None): [], (False, None): []}
    for p in parameters:
        if p.requires_grad:
            decayed = p.dim() > 1 and not getattr(p, "no_decay", False)
            found.setdefault((decayed, getattr(p, "learning_rate", None)), []).append(p)
    return [Group(members, *kind) for kind, members in found.items() if members]
