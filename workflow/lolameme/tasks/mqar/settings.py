"""Settings of multi-query associative recall."""

from typing import Literal

from pydantic import Field, model_validator

from lolameme.study.sections import Name, Positive, Section
from lolameme.study.variant import SPLITS, BaseVariant, Bounds


class World(Section):
    """The words of multi-query associative recall: keys, values and fillers, all different."""

    keys: int = Field(64, ge=1, le=20000, description="different words that stand for a value")
    values: int = Field(64, ge=1, le=20000, description="different words that are asked for")
    fillers: int = Field(
        64,
        ge=0,
        le=20000,
        description="words that only fill; 0: any key or value does; with answers: asked, any word of all three",
    )


class Program(Section):
    """How sequences of multi-query associative recall are drawn (Zoology, arXiv 2312.04927, appendix on MQAR)."""

    pairs: Bounds = Field((2, 4), description="key-value pairs that a sequence starts with; each is asked for once")
    length: Positive = Field(64, description="words of a sequence, even: pairs, then queries among fillers")
    power: float = Field(
        0.01, gt=0, description="a of the power law of the gaps: a query after g places has weight a * g**(a - 1)"
    )

    def check(self, world: World) -> None:
        """Raise ValueError if no sequence can be drawn from `world` with these settings."""
        most = self.pairs[1]
        if self.pairs[0] < 1:
            raise ValueError("pairs starts at 1 or more")
        if most > min(world.keys, world.values):
            raise ValueError(f"{most} pairs need as many keys and values; the world has {world.keys}, {world.values}")
        if self.length % 2 or self.length < 4 * most:
            raise ValueError(f"length is {self.length}; it must be even, and at least 4 words for each of {most} pairs")


class Variant(BaseVariant):
    """Multi-query associative recall."""

    task: Literal["mqar"] = Field(description="the task's name")
    world: World = Field(World(), description="what the programs of the variant have in common")
    program: Program = Field(Program(), description="how programs are drawn")
    splits: dict[Name, Program] = Field({}, description=SPLITS)
    answers: Literal["written", "asked"] = Field(
        "written",
        description="written: the value stands after the key that asks for it; asked: as in Zoology, a filler stands "
        "there, and the value is a target alone (needs tokenizer.kind: piece)",
    )

    @model_validator(mode="after")
    def _one_target(self):
        if self.answers == "asked" and self.tokenizer.kind != "piece":
            raise ValueError(
                f"answers: asked needs one target, but tokenizer.kind: {self.tokenizer.kind} may write a value in "
                "several tokens; set tokenizer: {kind: piece}, or answers: written"
            )
        return self
