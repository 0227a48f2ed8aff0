"""The tests that a study plans: its contrasts, written out by variant, and those that the paper's claims need."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lolameme.statistics.capacity import slope_weights
from lolameme.statistics.means import ALPHA
from lolameme.statistics.permutation import least
from lolameme.statistics.positions import least_p
from lolameme.statistics.verdicts import corrected
from lolameme.study import architectures
from lolameme.study.config import Study
from lolameme.study.contrasts import Claims, Contrast


@dataclass(frozen=True)
class Planned:
    """One test: two arms, and the variants whose exact match on a split it is about."""

    name: str
    above: tuple[str, ...]  # architectures
    below: tuple[str, ...]
    weights: tuple[tuple[str, float], ...]  # variant and weight: one variant counts 1; several make a combination
    split: str = "test"

    @property
    def variant(self) -> str:
        """The variant that the test is about, of a combination the first."""
        return self.weights[0][0]

    @property
    def combined(self) -> bool:
        return len(self.weights) > 1

    @property
    def key(self) -> tuple:
        """What tells one test from another, whatever its name."""
        return self.above, self.below, self.weights, self.split


def planned(study: Study) -> list[Planned]:
    """All tests of order of a study, each once. Holm's correction runs over these, and the test of C4."""
    given = defaults(study) if study.contrasts is None else study.contrasts
    found = [
        Planned(contrast.name, *contrast.arms(study.stacks_of(variant)), ((variant, 1.0),), contrast.split)
        for contrast in given
        for variant in contrast.tested(study.tests)
    ]
    return list({test.key: test for test in reversed([*found, *of_claims(study)])}.values())[::-1]


def placed_cells(study: Study) -> tuple[int, int, int] | None:
    """Tasks, seeds and places of the test of C4, or None: it needs two tasks and two places of the swapped layer."""
    places = architectures.swapped_once(study.stacks_of(*study.claims.C4)) if study.claims.C4 else []
    if min(len(study.claims.C4), len(places)) < 2:
        return None
    return len(study.claims.C4), len(study.seeds), len(places)


def power(study: Study) -> tuple[int, float, int]:
    """What the plan can decide at best where cells lock in or do not: its number of tests; the largest p, corrected for
    that number (Holm), if every test comes out as clear as seeds allow, all of one arm against none of the other; and
    how many seeds make it significant, 0 where no hundred do. p is 1 where nothing is tested.

    Stacks of an arm add nothing to it: they share the world of their seed.
    """
    contrasts, placed = len(planned(study)), placed_cells(study)
    tests = contrasts + (placed is not None)
    if not tests:
        return 0, 1.0, 0

    def best(seeds: int) -> float:
        p = [least(seeds)] * contrasts
        if placed:
            tasks, _, places = placed
            p.append(least_p(tasks, seeds, places))
        return float(corrected(np.array(p), study.times_looked).max())

    enough = next((seeds for seeds in range(2, 100) if best(seeds) < ALPHA), 0)
    return tests, best(len(study.seeds)), enough


def defaults(study: Study) -> list[Contrast]:
    """The contrasts of a study that lists none: those that its architectures allow.

    The step from k = 1 to later places, and T HEX against attention with a short convolution. Where claims are
    declared, on the variants of C4, because claims bring the order of the families along; else all on every variant.
    """
    declared = study.claims != Claims()
    where = study.claims.C4 if declared else None
    stacks = study.stacks_of(*(where or study.variants))
    later = [name for name in architectures.swapped_once(stacks) if architectures.positions(name) > (1,)]
    pairs = []
    if later and "thex-1" in stacks:
        pairs.append(("T HEX with attention above its first layer, over T HEX-1", later, ["thex-1"]))
    if not declared:
        pairs += [(name, [above], [below]) for name, above, below in _pairs(stacks)]
    if (mine := architectures.middle(stacks)) and "short-attention" in stacks:
        name = f"{architectures.label(mine)} over {architectures.label('short-attention')}"
        pairs.append((name, [mine], ["short-attention"]))
    if declared and not study.claims.C4:
        return []
    return [Contrast(name=name, above=tuple(up), below=tuple(down), variants=where) for name, up, down in pairs]


def of_claims(study: Study) -> list[Planned]:
    """The tests that claims C1, C2, C3 and C6 need: the order of Hyena and GPT-2, and of T HEX and Hyena.

    C2 is about what a variant in several languages gains over the mean of each alone; C3 about how exact match changes
    with the number of facts, where GPT-2 is expected above: Hyena is said to collapse.
    """
    claims, found = study.claims, []

    def pairs(*variants: str) -> list[tuple[str, str, str]]:
        return _pairs(study.stacks_of(*variants))

    for variant in (*claims.C1, *claims.C6):
        found += [Planned(name, (above,), (below,), ((variant, 1.0),)) for name, above, below in pairs(variant)]
    if claims.C2:
        common = pairs(claims.C2.both, *claims.C2.alone)
        weights = ((claims.C2.both, 1.0), *((variant, -1 / len(claims.C2.alone)) for variant in claims.C2.alone))
        found += [Planned(f"{name}: both languages minus each alone", (a,), (b,), weights) for name, a, b in common]
    for variant in claims.C3:
        order = [pair for pair in pairs(variant) if pair[2] == "gpt2"]
        found += [Planned(name, (above,), (below,), ((variant, 1.0),)) for name, above, below in order]
    variants: dict[str, Any] = dict(study.variants)  # each of its own task
    facts = {variant: variants[variant].world.globals for variant in claims.C3}
    if len(set(facts.values())) > 1 and {"gpt2", "hyena"} <= set(study.stacks_of(*claims.C3)):
        weights = tuple(zip(facts, map(float, slope_weights(list(facts.values()))), strict=True))
        found.append(Planned("GPT-2 over Hyena: slope over the number of facts", ("gpt2",), ("hyena",), weights))
    return found


def _pairs(stacks: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """The paper's order of the families, as far as a study has them: name, expected above, expected below."""
    thex = architectures.middle(stacks)
    order = [("hyena", "gpt2"), *([(thex, "hyena")] if thex else [])]
    named = {name for name in stacks if name in ("gpt2", "hyena", thex)}
    label = architectures.label
    return [(f"{label(above)} over {label(below)}", above, below) for above, below in order if {above, below} <= named]
