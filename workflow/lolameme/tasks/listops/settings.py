"""Settings of the ListOps task."""

from typing import Literal

from pydantic import Field

from lolameme.study.sections import Name, Section, Share
from lolameme.study.variant import SPLITS, BaseVariant, Bounds


class Program(Section):
    """How ListOps lists are drawn (Nangia & Bowman 2018, arXiv 1804.06028; Long Range Arena, arXiv 2011.04006)."""

    operators: tuple[Literal["MAX", "MIN", "MED", "SM"], ...] = Field(
        ("MAX", "MIN", "MED", "SM"), min_length=1, description="maximum, minimum, median (rounded down), sum modulo 10"
    )
    depth: Bounds = Field((1, 3), description="lists inside lists, the outermost counted; uniform")
    arguments: Bounds = Field((2, 5), description="arguments of a list; uniform")
    nesting: Share = Field(0.25, description="probability that an argument is a list, where depth allows it")
    length: Bounds = Field((1, 100), description="symbols of a program: operators, digits and closing brackets")

    def check(self, world: None = None) -> None:
        """Raise ValueError if no list can be drawn with these settings."""
        if self.depth[0] < 1 or self.arguments[0] < 2:
            raise ValueError("depth starts at 1 or more, arguments at 2 or more")
        least = (self.depth[0] - 1) * (self.arguments[0] + 1) + self.arguments[0] + 2
        most = 1
        for _ in range(self.depth[1]):
            most = min(2 + self.arguments[1] * most, 10**9)
        if not (least <= self.length[1] and self.length[0] <= most):
            raise ValueError(
                f"length is {list(self.length)}, but lists of this depth and number of arguments have {least} to "
                f"{most} symbols"
            )


class Variant(BaseVariant):
    """ListOps: the value of nested prefix lists over the digits."""

    task: Literal["listops"] = Field(description="the task's name")
    program: Program = Field(Program(), description="how programs are drawn")
    splits: dict[Name, Program] = Field({}, description=SPLITS)
