"""How often a study finds order where there is none, and how often it finds the order that there is.

Studies are drawn, not trained: exact match of every cell from a known law, then the contrasts, the corrections and the
words of the package, as for a real study. `python benchmarks/null.py [studies]` writes benchmarks/null.md, which a test
holds against 5 %, and its figure.
"""

import datetime
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from common import ROOT, processor, table
from scipy import stats

from lolameme.drawing import style
from lolameme.statistics import positions, verdicts
from lolameme.statistics.answers import Outcomes
from lolameme.statistics.lock_in import CEILING, goal, share_locked
from lolameme.statistics.planned import Planned, placed_cells, planned
from lolameme.study import architectures, config

PLANS = {"quick": ("config.yaml", (5, 6)), "cpu": ("studies/cpu.yaml", (5, 6))}  # with so many seeds
FLOOR, TOP, PART = 0.44, 0.95, 0.64  # exact match of cells that bind nothing, all, and what lies within their reach
NOISE = 0.01  # of programs, within a mode
SPREAD = 0.05  # of seeds, where outcomes are graded
CURVES = ((0.45, 0.95), (0.46, 0.56))  # exact match at all places but the best one, and there: two amplitudes
Shape = tuple[int, int, int]  # V tasks, S seeds, A stacks
Law = Callable[["Drawn", np.random.Generator, Shape], np.ndarray]  # exact match (V, S, A)


class Drawn:
    """The tests of a study, on cells whose exact match is drawn."""

    def __init__(self, study: config.Study):
        self.plan, self.variants, self.stacks = planned(study), list(study.variants), list(study.stacks)
        self.tasks = [self.variants.index(name) for name in study.claims.C4]
        self.places = [
            self.stacks.index(name) for name in architectures.swapped_once(study.stacks_of(*study.claims.C4))
        ]
        self.tests = len(self.plan) + (placed_cells(study) is not None)

    def arm(self, em: np.ndarray, above: np.ndarray, test: Planned, names: tuple[str, ...]) -> Outcomes:
        """The cells of an arm, as `reporting.contrasts.outcomes` takes them from the table of cells."""
        columns, rows = [self.stacks.index(name) for name in names], [self.variants.index(v) for v, _ in test.weights]
        each, bits = em[rows][:, :, columns], 2 ** np.arange(len(rows))
        weights = np.array([weight for _, weight in test.weights])
        values = np.tensordot(weights, each, 1)
        kinds = [np.tensordot(bits, flag, 1) for flag in (each >= goal(FLOOR), above[rows][:, :, columns])]
        return Outcomes(values, *kinds, (each >= CEILING).all(0), np.full(values.shape, goal(FLOOR)))

    def words(self, em: np.ndarray, rng: np.random.Generator) -> list[str]:
        """The verdict of every planned test, and of the best place.

        A cell is above its floor by a one-sided test at 5 %, of exact match with the standard error of its programs.
        """
        above = em + NOISE * rng.standard_normal(em.shape) > FLOOR + stats.norm.ppf(0.95) * NOISE
        found = [
            verdicts.contrast(*(self.arm(em, above, test, arm) for arm in (test.above, test.below)), test.combined)
            for test in self.plan
        ]
        places = float(positions.one_for_all(em[self.tasks][:, :, self.places]))
        p = verdicts.corrected(np.array([*(one.p for one in found), places]))
        depends = verdicts.DEPENDS if p[-1] < verdicts.ALPHA else verdicts.UNDECIDED
        return [*(verdicts.word(one, fixed) for one, fixed in zip(found, p, strict=False)), depends]


def graded(_: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return 0.6 + SPREAD * rng.standard_normal(shape)


def astride(_: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return goal(FLOOR) + SPREAD * rng.standard_normal(shape)


def at_floor(_: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return FLOOR + NOISE * rng.standard_normal(shape)


def bistable(
    _: Drawn, rng: np.random.Generator, shape: Shape, chance: float | np.ndarray = 0.5, low: float = FLOOR
) -> np.ndarray:
    return np.where(rng.random(shape) < chance, TOP, low) + NOISE * rng.standard_normal(shape)


def partial(_: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return rng.choice([FLOOR, PART], shape) + NOISE * rng.standard_normal(shape)


def worlds(drawn: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    return bistable(drawn, rng, shape, rng.choice([0.1, 0.9], (*shape[:2], 1)))


def families(drawn: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Stacks of one family lock in together or not at all, seed by seed."""
    names = [architectures.family(stack) for stack in drawn.stacks]
    each = {name: rng.random(shape[:2]) < 0.5 for name in dict.fromkeys(names)}
    return np.stack([np.where(each[name], TOP, FLOOR) for name in names], axis=2) + NOISE * rng.standard_normal(shape)


def alone(drawn: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Of the tasks and stacks of C4 alone: the place matters on the first task, the others are at the floor."""
    return curves(drawn, rng, shape, [CURVES[0], *[(FLOOR, FLOOR)] * (shape[0] - 1)])


def amplitudes(drawn: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Of the tasks and stacks of C4 alone: the same place is best on all tasks, by much or by little."""
    return curves(drawn, rng, shape, [CURVES[turn % 2] for turn in range(shape[0])])


def ties(drawn: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Of the tasks and stacks of C4 alone: one place is best on all tasks, and on each others lock in as often."""
    em = at_floor(drawn, rng, shape)
    for turn, task in enumerate(drawn.tasks):
        also = [place for i, place in enumerate(drawn.places[1:]) if i % len(drawn.tasks) == turn]
        chance = np.isin(np.arange(shape[2]), [drawn.places[0], *also]) * 0.6
        em[task] = bistable(drawn, rng, shape[1:], chance)
    return em


def curves(drawn: Drawn, rng: np.random.Generator, shape: Shape, by_task: list[tuple[float, float]]) -> np.ndarray:
    """Exact match around `by_task`: elsewhere, and at the best place, the second one."""
    em = at_floor(drawn, rng, shape)
    for task, (elsewhere, best) in zip(drawn.tasks, by_task, strict=False):
        curve = np.full(shape[2], elsewhere)
        curve[drawn.places[1]] = best
        em[task] = curve + NOISE * rng.standard_normal(shape[1:])
    return em


NULL: dict[str, Law] = {
    f"graded: mean 0.6, standard deviation {SPREAD:g}": graded,
    f"graded, astride the line of lock-in, standard deviation {SPREAD:g}": astride,
    "all at their floor": at_floor,
    "bistable: half of all cells lock in": bistable,
    "bistable below lock-in: half of all cells bind what is in reach": partial,
    "bistable by world: nine of ten cells lock in, or one of ten": worlds,
    "bistable by family: half of the seeds lock in, with all stacks of a family": families,
}
ONE_PLACE: dict[str, Law] = {
    "places matter on one task alone": alone,
    "the same place is best on all tasks, by 0.5 and by 0.1": amplitudes,
    "one place is best on all tasks, on each tied with others": ties,
}


def wrong(drawn: Drawn, law: Law, seeds: int, studies: int, of: slice) -> int:
    """In how many studies some of the verdicts claim an order that is not there."""
    return sum(any(word in verdicts.ORDER for word in words[of]) for words in said(drawn, law, seeds, studies))


def said(drawn: Drawn, law: Law, seeds: int, studies: int) -> Iterator[list[str]]:
    """The verdicts of drawn studies."""
    rng = np.random.default_rng(seeds)
    shape = len(drawn.variants), seeds, len(drawn.stacks)
    for _ in range(studies):
        yield drawn.words(np.clip(law(drawn, rng, shape), 0, 1), rng)


def raised(test: Planned, law: str, by: float) -> Law:
    """Outcomes where the arm above is better in the test's variant, and everything else is as it is."""

    def drawing(drawn: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
        task = drawn.variants.index(test.variant)
        above, below = ([drawn.stacks.index(name) for name in arm] for arm in (test.above, test.below))
        em = graded(drawn, rng, shape)
        if law == "graded":
            em[task][:, above] += by
            return em
        chance = np.zeros(shape[2])
        chance[above] = by
        em[task][:, above + below] = bistable(drawn, rng, shape[1:], chance)[:, above + below]
        return em

    return drawing


def moved(drawn: Drawn, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """The second place is best on the first task of C4, the last one on the others."""
    em = graded(drawn, rng, shape)
    for turn, task in enumerate(drawn.tasks):
        em[task][:, drawn.places] = bistable(drawn, rng, (shape[1], len(drawn.places)), 0.0)
        em[task][:, drawn.places[-1 if turn else 1]] += TOP - FLOOR
    return em


def main(studies: str = "2000") -> None:
    begun, many, rows, power, shares = time.process_time(), int(studies), [], [], {}
    plans = {name: (Drawn(config.load(ROOT / path)), seeds) for name, (path, seeds) in PLANS.items()}
    columns = [f"{name}, {seeds} seeds" for name, (_, sizes) in plans.items() for seeds in sizes]
    settings = [(drawn, seeds) for drawn, sizes in plans.values() for seeds in sizes]
    for laws, of in ((NULL, slice(None)), (ONE_PLACE, slice(-1, None))):
        for name, law in laws.items():
            shares[name] = [wrong(drawn, law, seeds, many, of) / many for drawn, seeds in settings]
            rows.append((name, *(interval(round(share * many), many) for share in shares[name])))
            print(name, shares[name], f"{time.process_time() - begun:.0f} s", flush=True)
    few = many // 10
    for law, sizes, text in (
        ("graded", (0.1, 0.2), "{:.2f} higher"),
        ("bistable", (0.8, 1.0), "{:.0%} lock in, below none"),
    ):
        for by in sizes:
            for wide in (True, False):
                found = []
                for drawn, seeds in settings:
                    which = next(i for i, one in enumerate(drawn.plan) if (len(one.above) > 1) == wide)
                    words = said(drawn, raised(drawn.plan[which], law, by), seeds, few)
                    found.append(sum(each[which] == verdicts.SAME for each in words) / few)
                arms = "three stacks or more against one" if wide else "one stack against another"
                power.append((f"{arms}: {text.format(by)}", *(f"{100 * one:.0f} %" for one in found)))
    found = [
        sum(words[-1] == verdicts.DEPENDS for words in said(drawn, moved, seeds, few)) / few
        for drawn, seeds in settings
    ]
    power.append(("the best place is another on one task than on the rest", *(f"{100 * one:.0f} %" for one in found)))
    figure(shares, columns, many)
    sizes = "; ".join(f"`{PLANS[name][0]}` with {drawn.tests} tests" for name, (drawn, _) in plans.items())
    lines = [
        "# Order where there is none, and where there is",
        "",
        f"By `python benchmarks/null.py {many}`, {datetime.date.today():%Y-%m-%d}, in "
        f"{(time.process_time() - begun) / 60:.0f} minutes of a core of {processor()}: the tests of "
        f"{sizes}, on drawn cells.",
        "",
        f"## Nothing differs: share of {many} studies with any verdict of order",
        "",
        "At most 5 % is what Holm's correction promises; in brackets the exact 95 % interval (Clopper and Pearson). In "
        "the last three laws something differs, but not the best place: there, the share that says it depends.",
        "",
        *table(("", *columns), rows),
        "",
        "![Share of studies with a false verdict of order, by law](null.svg)",
        "",
        f"## Something differs: share of {few} studies that find it",
        "",
        f"Graded: standard deviation of the seeds {SPREAD:g}. All other tests of the study are made, too, and mostly "
        "say nothing: Holm's correction is at its strictest step.",
        "",
        *table(("", *columns), power),
    ]
    (Path(__file__).parent / "null.md").write_text("\n".join(lines) + "\n")


def interval(found: int, studies: int) -> str:
    """A share of studies with its exact interval, in per cent."""
    low, high = share_locked(found, studies)
    return f"{100 * found / studies:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def figure(shares: dict[str, list[float]], columns: list[str], studies: int) -> None:
    """The shares of false verdicts with their intervals: laws downwards, plans beside each other."""
    style.apply()
    drawn, axes = plt.subplots(figsize=(7.5, 0.42 * len(shares) + 1.2))
    for turn, (column, marker) in enumerate(zip(columns, "osD^", strict=False)):
        y = np.arange(len(shares)) + 0.17 * (turn - (len(columns) - 1) / 2)
        x = np.array([each[turn] for each in shares.values()])
        ends = np.array([share_locked(round(one * studies), studies) for one in x]).T
        axes.errorbar(
            100 * x, y, xerr=100 * np.abs(ends - x), fmt=marker, markersize=4, linewidth=1,
            color=list(style.FAMILY.values())[turn], label=column,
        )  # fmt: skip
    axes.axvline(100 * verdicts.ALPHA, color=style.QUIET, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(shares)), shares, fontsize=8)
    axes.set(xlabel="studies that claim an order where there is none (%)", xlim=(0, 7), ylim=(len(shares) - 0.4, -0.6))
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    stem = Path(__file__).parent / "null"
    style.save(drawn, stem)
    stem.with_suffix(".pdf").unlink()  # papers take the numbers


if __name__ == "__main__":
    main(*sys.argv[1:])
