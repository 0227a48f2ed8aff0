"""A cell of the study's grid."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """The identity of a cell, as its directory spells it."""

    variant: str
    architecture: str
    seed: int

    def __str__(self) -> str:
        return f"{self.variant}/{self.architecture}/seed{self.seed}"
