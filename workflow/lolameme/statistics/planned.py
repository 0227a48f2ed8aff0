"""The tests that a study plans: its contrasts, written out by variant, and those that the paper's claims need."""

import itertools
from dataclasses import dataclass
from typing import Any

from lolameme.statistics.capacity import slope_weights
from lolameme.statistics.lock_in import fisher
from lolameme.statistics.means import ALPHA
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
    """All tests of order of a study, each once. Holm's correction runs over these, and C4's interaction."""
    given = defaults(study) if study.contrasts is None else study.contrasts
    found = [
        Planned(contrast.name, *contrast.arms(study.stacks_of(variant)), ((variant, 1.0),), contrast.split)
        for contrast in given
        for variant in contrast.tested(study.tests)
    ]
    return list({test.key: test for test in reversed([*found, *of_claims(study)])}.values())[::-1]


def power(study: Study) -> tuple[int, float, int]:
    """What the plan can decide at best: its number of tests; the p, corrected for that number (Holm), of the
    smallest arms that it compares if all cells of one lock in and none of the other; and how many seeds make it
    significant. p is 1 and the seeds 0 where nothing is tested.
    """
    found = planned(study)
    tests = len(found) + (len(study.claims.C4) > 1)
    if not found:
        return tests, 1.0, 0

    def best(seeds: int) -> float:
        sizes = [(seeds * len(test.above), seeds * len(test.below)) for test in found]
        return min(1.0, tests * max(fisher(above, above, 0, below) for above, below in sizes))

    enough = next(seeds for seeds in itertools.count(2) if best(seeds) < ALPHA)
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
