"""How often a study finds order where there is none, and how often it finds the order that there is.

Studies are drawn, not trained: exact match of every cell from a known law, then the contrasts, the corrections and the
words of the package, as for a real study. `python benchmarks/null.py [study.yaml] [studies]` writes benchmarks/null.md.
"""

import datetime
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import ROOT, table

from lolameme.statistics import positions, verdicts
from lolameme.statistics.answers import Outcomes
from lolameme.statistics.lock_in import CEILING, goal
from lolameme.statistics.planned import Planned, planned
from lolameme.study import architectures, config

FLOOR, TOP, PART = 0.44, 0.95, 0.64  # exact match of cells that bind nothing, all, and what lies within their reach
NOISE = 0.01  # of programs, within a mode
SPREAD = 0.05  # of seeds, where outcomes are graded
SEEDS = (3, 4, 5, 8)
Law = Callable[[np.random.Generator, tuple[int, int, int]], np.ndarray]  # exact match (V tasks, S seeds, A stacks)


def graded(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    return 0.6 + SPREAD * rng.standard_normal(shape)


def astride(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    return goal(FLOOR) + SPREAD * rng.standard_normal(shape)


def bistable(rng: np.random.Generator, shape: tuple[int, int, int], chance: float | np.ndarray = 0.5) -> np.ndarray:
    return np.where(rng.random(shape) < chance, TOP, FLOOR) + NOISE * rng.standard_normal(shape)


def partial(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    return rng.choice([FLOOR, PART], shape) + NOISE * rng.standard_normal(shape)


def worlds(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    return bistable(rng, shape, rng.choice([0.1, 0.9], (*shape[:2], 1)))


NULL: dict[str, Law] = {
    f"graded: mean 0.6, standard deviation {SPREAD:g}": graded,
    f"graded, astride the line of lock-in, standard deviation {SPREAD:g}": astride,
    "bistable: half of all cells lock in": bistable,
    "bistable below lock-in: half of all cells bind what is in reach": partial,
    "bistable by world: nine of ten cells lock in, or one of ten": worlds,
}


class Drawn:
    """The tests of a study, on cells whose exact match is drawn."""

    def __init__(self, study: config.Study):
        self.plan, self.variants, self.stacks = planned(study), list(study.variants), list(study.stacks)
        self.tasks = [self.variants.index(name) for name in study.claims.C4]
        self.places = [
            self.stacks.index(name) for name in architectures.swapped_once(study.stacks_of(*study.claims.C4))
        ]

    def arm(self, em: np.ndarray, test: Planned, names: tuple[str, ...]) -> Outcomes:
        """The cells of an arm, as `reporting.contrasts.outcomes` takes them from the table of cells."""
        columns = [self.stacks.index(name) for name in names]
        each = [em[self.variants.index(variant)][:, columns] for variant, _ in test.weights]

        def kinds(line: float) -> np.ndarray:
            return sum(2**bit * (one >= line) for bit, one in enumerate(each))

        values = sum(weight * one for (_, weight), one in zip(test.weights, each, strict=True))
        high = np.all([one >= CEILING for one in each], axis=0)
        return Outcomes(values, kinds(goal(FLOOR)), kinds(FLOOR + 3 * NOISE), high)

    def words(self, em: np.ndarray) -> list[str]:
        """The verdict of every planned test, and of the interaction of task and place."""
        found = [verdicts.contrast(*(self.arm(em, t, a) for a in (t.above, t.below)), t.combined) for t in self.plan]
        interaction = positions.interaction(em[self.tasks][:, :, self.places]) if self.tasks else np.nan
        p = verdicts.corrected(np.array([*(one.p for one in found), interaction]))
        depends = verdicts.DEPENDS if p[-1] < verdicts.ALPHA else verdicts.UNDECIDED
        return [*(verdicts.word(one, fixed) for one, fixed in zip(found, p, strict=False)), depends]


def null(drawn: Drawn, law: Law, seeds: int, studies: int) -> float:
    """The share of studies that claim any order although nothing differs."""
    rng = np.random.default_rng(seeds)
    shape = len(drawn.variants), seeds, len(drawn.stacks)
    wrong = [
        any(word in verdicts.ORDER for word in drawn.words(np.clip(law(rng, shape), 0, 1))) for _ in range(studies)
    ]
    return float(np.mean(wrong))


def found(drawn: Drawn, test: int, law: Law, seeds: int, studies: int) -> float:
    """The share of studies in which one planned test finds its order, which holds where `law` says so."""
    rng = np.random.default_rng(seeds)
    shape = len(drawn.variants), seeds, len(drawn.stacks)
    words = [drawn.words(np.clip(law(rng, shape), 0, 1))[test] for _ in range(studies)]
    return words.count(verdicts.SAME) / studies


def raised(drawn: Drawn, test: Planned, law: str, by: float) -> Law:
    """Outcomes where the arm above is better in the test's variant, and everything else is as it is."""
    task = drawn.variants.index(test.variant)
    above, below = ([drawn.stacks.index(name) for name in arm] for arm in (test.above, test.below))
    both = above + below

    def drawing(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
        em = graded(rng, shape)
        if law == "graded":
            em[task][:, above] += by
            return em
        chance = np.zeros(shape[2])
        chance[above] = by
        em[task][:, both] = bistable(rng, (1, *shape[1:]), chance)[0][:, both]
        return em

    return drawing


def main(path: str = "studies/cpu.yaml", studies: str = "500") -> None:
    positions.RESAMPLES = verdicts.RESAMPLES = 999  # fewer than in a study: ten thousand studies are drawn
    drawn, many = Drawn(config.load(ROOT / path)), int(studies)
    columns = ("", *(f"{seeds} seeds" for seeds in SEEDS))
    rows = [(name, *(f"{100 * null(drawn, law, seeds, many):.1f} %" for seeds in SEEDS)) for name, law in NULL.items()]
    step = next(i for i, test in enumerate(drawn.plan) if len(test.above) > 1)
    pair = next(i for i, test in enumerate(drawn.plan) if len(test.above) == 1 and not test.combined)
    power = []
    for which in (step, pair):
        test = drawn.plan[which]
        for law, sizes, text in (
            ("graded", (0.05, 0.1, 0.2), "{:.2f} higher"),
            ("bistable", (0.5, 0.8, 1.0), "{:.0%} lock in, below none"),
        ):
            for by in sizes:
                share = [found(drawn, which, raised(drawn, test, law, by), seeds, many // 5) for seeds in SEEDS]
                told = f"{test.name} ({len(test.above)} to {len(test.below)}): {text.format(by)}"
                power.append((told, *(f"{100 * one:.0f} %" for one in share)))
    lines = [
        "# Order where there is none, and where there is",
        "",
        f"By `python benchmarks/null.py {path} {many}`, {datetime.date.today():%Y-%m-%d}: the {len(drawn.plan)} "
        f"contrasts of `{path}` and the interaction of task and place, on drawn cells ({len(drawn.variants)} tasks, "
        f"{len(drawn.stacks)} stacks; {positions.RESAMPLES} permutations).",
        "",
        f"## Nothing differs: share of {many} studies with any verdict of order",
        "",
        "At most 5 % is what Holm's correction promises; the error of these shares is "
        f"{100 * np.sqrt(0.05 * 0.95 / many):.1f} %.",
        "",
        *table(columns, rows),
        "",
        f"## Something differs: share of {many // 5} studies that find it",
        "",
        f"Graded: standard deviation of the seeds {SPREAD:g}. All other contrasts of the study are tested, too.",
        "",
        *table(columns, power),
    ]
    (Path(__file__).parent / "null.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
