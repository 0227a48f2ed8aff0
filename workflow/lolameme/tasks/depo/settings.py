"""Settings of Depo, k-hop traversal of a cycle."""

from typing import Literal

from pydantic import Field

from lolameme.study.sections import Name, Section
from lolameme.study.variant import SPLITS, BaseVariant, Bounds


class World(Section):
    """The words of Depo: the nodes that cycles are made of."""

    nodes: int = Field(64, ge=2, le=20000, description="different nodes that cycles are made of")


class Program(Section):
    """How cycles and queries are drawn (Physics of Language Models 4.1, arXiv 2512.17351, task Depo)."""

    nodes: Bounds = Field((3, 8), description="nodes of the cycle; uniform")
    hops: Bounds = Field((1, 4), description="how many edges a query goes along; uniform")
    queries: Bounds = Field((4, 4), description="queries per program, all different")

    def check(self, world: World) -> None:
        """Raise ValueError if no program can be drawn from `world` with these settings."""
        if self.nodes[0] < 2 or self.hops[0] < 1 or self.queries[0] < 1:
            raise ValueError("nodes starts at 2 or more, hops and queries at 1 or more")
        if self.nodes[1] > world.nodes:
            raise ValueError(f"a cycle may have {self.nodes[1]} nodes, but the world has only {world.nodes}")
        different = self.nodes[0] * (self.hops[1] - self.hops[0] + 1)
        if self.queries[1] > different:
            raise ValueError(f"queries is {list(self.queries)}, but {self.nodes[0]} nodes allow {different} of them")


class Variant(BaseVariant):
    """Depo: where one gets to in k steps along a cycle whose edges are told in random order."""

    task: Literal["depo"] = Field(description="the task's name")
    world: World = Field(World(), description="what the programs of the variant have in common")
    program: Program = Field(Program(), description="how programs are drawn")
    splits: dict[Name, Program] = Field({}, description=SPLITS)
