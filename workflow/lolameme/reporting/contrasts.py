"""The contrasts of a study: each planned test of order, its numbers and its verdict, from the table of cells."""

from typing import Any

import numpy as np
import pandas as pd

from lolameme.reporting import latex
from lolameme.statistics import lock_in, positions, verdicts
from lolameme.statistics.answers import Outcomes
from lolameme.statistics.planned import Planned, placed_cells, planned
from lolameme.study import architectures, config
from lolameme.study.exhibits import CELL, Column, Table

INTERACTION = "place of the attention layer by task"  # the name of C4's test among the contrasts


def contrasts(study: config.Study, cells: pd.DataFrame) -> pd.DataFrame:
    """One row per planned test: arms, difference with its 95 % t interval, lock-in, the test that decides, verdict.

    `p_corrected` is corrected for all rows (Holm). `could` is the smallest effect that would have been found with
    80 % power at the strictest step of Holm's, `says` the verdict as it is printed.
    """
    plan, of = planned(study), dict(list(cells.sort_values("seed").groupby(["variant", "split", "architecture"])))
    arms = [(outcomes(of, test, test.above), outcomes(of, test, test.below)) for test in plan]
    tested = [verdicts.contrast(*both, test.combined) for test, both in zip(plan, arms, strict=True)]
    placed = place_by_task(study, cells)
    p = verdicts.corrected(np.array([*(found.p for found in tested), *(p for p, _ in placed)]), study.times_looked)
    alpha = verdicts.strictest(p, study.times_looked)
    rows = []
    for test, both, found, fixed in zip(plan, arms, tested, p[: len(plan)], strict=True):
        could = verdicts.could_have_found(found, *both, alpha, test.combined)
        word = verdicts.word(found, fixed)
        rows.append(
            {"name": test.name, "variants": named(test), "variant": test.variant, "split": test.split}
            | {"above": " ".join(test.above), "below": " ".join(test.below), "combined": test.combined}
            | {"seeds": len(both[0].by_seed), "locked": None if test.combined else " : ".join(map(counted, both))}
            | {"above_exact_match": both[0].by_seed.mean(), "below_exact_match": both[1].by_seed.mean()}
            | {"difference": found.difference, "low": found.low, "high": found.high, "every_seed": found.every_seed}
            | {"effect": found.effect, "by": found.by, "p": found.p, "p_corrected": fixed, "could": could}
            | {"verdict": word, "says": verdicts.sentence(word, could, found.by)}
        )
    for (raw, state), fixed in zip(placed, p[len(plan) :], strict=True):
        word = state or (verdicts.DEPENDS if fixed < verdicts.ALPHA else verdicts.UNDECIDED)
        could = positions.smallest_share_at_best(*placed_cells(study), alpha)
        rows.append(
            {"name": INTERACTION, "variants": ", ".join(study.claims.C4), "variant": "", "above": "", "below": ""}
            | {"combined": True, "split": "test", "seeds": len(study.seeds), "could": could}
            | {"by": verdicts.BY_PLACES, "p": raw, "p_corrected": fixed, "verdict": word}
            | {"says": verdicts.sentence(word, could, verdicts.BY_PLACES)}
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


COLUMNS = {
    "name": Column(str, "of the contrast"),
    "variants": Column(str, "that it is tested on; of a combination with their weights"),
    "variant": Column(str, "the first of them; empty: all at once"),
    "split": Column(str, "the test split"),
    "above": Column(str, "the architectures that are claimed to be better"),
    "below": Column(str, "those that they are compared with"),
    "combined": Column(bool, "several variants are weighed against each other"),
    "seeds": Column(int, "pairs", "seeds"),
    "locked": Column(str, "cells that lock in, above : below, each of how many"),
    "above_exact_match": Column(float, "mean over seeds; of a combination the weighted sum", "share"),
    "below_exact_match": Column(float, "likewise", "share"),
    "difference": Column(float, "above minus below, paired by seed, mean", "share"),
    "low": Column(float, "where its 95 % t interval over seeds starts", "share"),
    "high": Column(float, "where it ends", "share"),
    "every_seed": Column(bool, "it has one sign in every seed"),
    "effect": Column(float, "the difference tested: of exact match, or of the share of cells that `by` names"),
    "by": Column(str, "what decides: shares by seed that lock in, or are above the floor; means; ..."),
    "p": Column(float, "of that test"),
    "p_corrected": Column(float, "corrected for all rows (Holm), and for the looks where several are planned"),
    "could": Column(float, "the smallest effect that the test would have found with 80 % power"),
    "verdict": Column(str, "same order, other order, undecided, at the ceiling, at its floor, ..."),
    "says": Column(str, "the verdict as it is printed"),
}


def outcomes(cells: dict[tuple[str, str, str], pd.DataFrame], test: Planned, arm: tuple[str, ...]) -> Outcomes:
    """The cells of an arm by seed and architecture; of a combination of variants the weighted sum.

    `cells` are those of each variant, split and architecture, by rising seed.
    """

    def grid(variant: str, column: str) -> np.ndarray:
        return np.stack([cells[variant, test.split, name][column].to_numpy() for name in arm], axis=1)  # (S, A)

    def kinds(column: str) -> np.ndarray:
        return sum(2**bit * grid(variant, column).astype(int) for bit, (variant, _) in enumerate(test.weights))

    values = sum(weight * grid(variant, "exact_match") for variant, weight in test.weights)
    high = kinds("high") == 2 ** len(test.weights) - 1
    heaviest, weight = max(test.weights, key=lambda one: one[1])
    missing = lock_in.goal(grid(heaviest, "floor").astype(float)) - grid(heaviest, "exact_match")
    goal = values + weight * missing
    return Outcomes(values.astype(float), kinds("locked"), kinds("above"), high, goal)


def named(test: Planned) -> str:
    """The variants of a test, those of a combination with their weights."""
    if not test.combined:
        return test.variant
    return " ".join(f"{weight:+.3g} {variant}" for variant, weight in test.weights).removeprefix("+1 ")


def counted(arm: Outcomes) -> str:
    """How many cells of an arm lock in, as k/n."""
    return f"{int(arm.locked.sum())}/{arm.locked.size}"


def place_by_task(study: config.Study, cells: pd.DataFrame) -> list[tuple[float, str | None]]:
    """The test of C4, if the study has tasks and places for it: its p, and the ceiling or floor where all cells are."""
    if not placed_cells(study):
        return []
    stacks = architectures.swapped_once(study.stacks_of(*study.claims.C4))
    mine = cells[
        cells["variant"].isin(study.claims.C4) & (cells["split"] == "test") & cells["architecture"].isin(stacks)
    ]
    state = verdicts.AT_CEILING if mine["high"].all() else None if mine["above"].any() else verdicts.AT_FLOOR
    values = np.stack([by_place(mine[mine["variant"] == variant], stacks) for variant in study.claims.C4])
    return [(np.nan if state else float(positions.one_for_all(values)), state)]


def by_place(mine: pd.DataFrame, stacks: list[str]) -> np.ndarray:
    """(S, K) exact match of one variant by seed and place."""
    return mine.pivot(index="seed", columns="architecture", values="exact_match")[stacks].to_numpy()


PLACES = {
    "variant": CELL["variant"],
    "place": Column(int, "of the attention layer, counted from 1"),
    "architecture": CELL["architecture"],
    "exact_match": Column(float, "on test, mean over seeds", "share"),
    "locked": Column(int, "those that lock in", "cells"),
    "seeds": Column(int, "cells", "cells"),
    "locked_low": Column(float, "where the exact 95 % interval of the share of them starts", "share"),
    "locked_high": Column(float, "where it ends", "share"),
    "best": Column(float, "of bootstrap draws of seeds: those in which this place has the highest mean", "share"),
}


def best_places(study: config.Study, cells: pd.DataFrame) -> pd.DataFrame:
    """One row per variant and place of the attention layer: exact match, lock-in, how often the place is best.

    `best` is the share of bootstrap draws of seeds in which the place has the highest mean: it describes.
    """
    rows: list[dict[str, Any]] = []
    for variant, mine in cells[cells["split"] == "test"].groupby("variant", sort=False):
        stacks = architectures.swapped_once(study.stacks_of(variant))
        mine = mine[mine["architecture"].isin(stacks)]
        if mine.empty:
            continue
        shares = positions.best_places(by_place(mine, stacks))
        for stack, share in zip(stacks, shares, strict=True):
            of_place = mine[mine["architecture"] == stack]
            locked, seeds = int(of_place["locked"].sum()), len(of_place)
            low, high = lock_in.share_locked(locked, seeds)
            rows.append(
                {"variant": variant, "place": architectures.positions(stack)[0], "architecture": stack}
                | {"exact_match": of_place["exact_match"].mean(), "locked": locked, "seeds": seeds}
                | {"locked_low": low, "locked_high": high, "best": share}
            )
    return pd.DataFrame(rows, columns=list(PLACES))


TABLES = [
    Table(
        "contrasts",
        ("cells",),
        contrasts,
        "Contrasts fixed in advance: difference of exact match paired by seed with its 95 % t interval, cells that "
        "lock in on either side, p corrected for all rows (Holm), verdict. Undecided: with the smallest effect that "
        "would have been found with 80 % power.",
        columns=COLUMNS,
        latex=latex.contrasts,
    ),
    Table(
        "places",
        ("cells",),
        best_places,
        "Exact match and lock-in by the place of the attention layer, and the share of bootstrap draws of seeds in "
        "which the place is best.",
        columns=PLACES,
    ),
]
