"""What a study sets out to find, fixed before it runs: contrasts of architectures, and which variants test which claim.

Verdicts of order come from these contrasts alone, corrected for their number (Holm). Each more costs power: list few.
"""

from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import Field

from lolameme.study.sections import Line, Name, Section, nearest

_Arm = Annotated[tuple[str, ...], Field(min_length=1)]


class Contrast(Section):
    """Two arms, one expected above the other. Outcomes are paired by seed; an arm of several counts by their mean."""

    name: Line = Field(max_length=120, description="what it asks, as it is printed")
    above: _Arm = Field(description="architectures expected above: names of this study, or patterns such as thex-*")
    below: _Arm = Field(description="architectures expected below")
    variants: tuple[Name, ...] | None = Field(
        None, min_length=1, description="each is a test of its own; without it: every variant that has the split"
    )
    split: Name = Field("test", description="the test split that is compared")

    def arms(self, stacks: tuple[str, ...], of: str = "this study") -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The architectures of both arms, of those listed, and whose these are.

        Raises ValueError if a name stands for none, or an arm meets the other.
        """
        above, below = (matching(names, stacks, of) for names in (self.above, self.below))
        both = set(above) & set(below)
        if both:
            raise ValueError(f"{self.name!r}: {min(both)} stands in both arms; name it in one")
        return above, below

    def tested(self, splits: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
        """The variants that are tested, from the test splits of each. Raises ValueError if one lacks the split."""
        if self.variants is None:
            found = tuple(variant for variant, tests in splits.items() if self.split in tests)
            if not found:
                raise ValueError(f"{self.name!r}: no variant has a test split {self.split!r}")
            return found
        for variant in self.variants:
            known(variant, splits)
            if self.split not in splits[variant]:
                tests = ", ".join(splits[variant])
                raise ValueError(f"{self.name!r}: variant {variant} has no split {self.split!r}; it has {tests}")
        return self.variants


def matching(names: tuple[str, ...], stacks: tuple[str, ...], of: str = "this study") -> tuple[str, ...]:
    """The architectures that names or patterns stand for, each once. Raises ValueError if one stands for none."""
    for name in names:
        if not any(fnmatchcase(stack, name) for stack in stacks):
            raise ValueError(f"{name!r} is no architecture of {of}{nearest(name, stacks)}; it has {', '.join(stacks)}")
    return tuple(stack for stack in stacks if any(fnmatchcase(stack, name) for name in names))


def known(variant: str, variants: Any) -> None:
    """Raise ValueError, in a sentence for the user, if a variant is none of the study's."""
    if variant not in variants:
        raise ValueError(f"{variant!r} is no variant of this study{nearest(variant, variants)}")


class Languages(Section):
    """Variants that differ in their languages alone, trained on as many tokens."""

    both: Name = Field(description="the variant in several languages at once")
    alone: tuple[Name, ...] = Field(min_length=1, description="the same in one language, a variant for each")


class Claims(Section):
    """Which variants test which claim of the paper (arXiv 2406.02592). A claim without variants is not tested."""

    C1: tuple[Name, ...] = Field((), description="expressions with global variables")
    C2: Languages | None = Field(None, description="several languages at once, against each alone")
    C3: tuple[Name, ...] = Field((), description="recall of a growing number of global variables from the weights")
    C4: tuple[Name, ...] = Field((), description="tasks between which the best place of the swapped layer may differ")
    C5: tuple[Name, ...] = Field((), description="few training programs: loss on them 0, and yet exact match 0")
    C6: tuple[Name, ...] = Field((), description="ListOps")

    def only(self, variants: list[str]) -> "Claims":
        """The claims with these variants alone; without C2 where it names another."""
        single = [claim for claim in type(self).model_fields if claim != "C2"]
        named = {claim: tuple(v for v in getattr(self, claim) if v in variants) for claim in single}
        languages = self.C2 if self.C2 and {self.C2.both, *self.C2.alone} <= set(variants) else None
        return self.model_copy(update=named | {"C2": languages})

    def check(self, variants: dict[str, Any]) -> None:
        """Raise ValueError, in a sentence for the user, if a claim names what cannot test it."""
        for claim in type(self).model_fields:
            named = getattr(self, claim) or ()
            for variant in (named.both, *named.alone) if isinstance(named, Languages) else named:
                try:
                    known(variant, variants)
                except ValueError as error:
                    raise ValueError(f"{claim}: {error}") from None
        for variant in self.C3:
            if not getattr(getattr(variants[variant], "world", None), "globals", 0):
                raise ValueError(f"C3: variant {variant} has no global variables (world.globals), so none to recall")
