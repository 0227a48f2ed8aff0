"""The paper's claims beside what a study measures, each with a verdict and why.

Which variants test a claim stands in the configuration (`claims`). Verdicts of order are those of the study's
contrasts; T HEX is represented by its middle position, chosen before anything was trained. Only the order is compared:
these models and data are far smaller than the paper's.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from lolameme.base.text import at_least
from lolameme.reporting import latex
from lolameme.reporting.contrasts import INTERACTION
from lolameme.reporting.tables import KEYS
from lolameme.statistics import verdicts
from lolameme.statistics.capacity import bits_per_parameter, slope_weights
from lolameme.study import architectures, config
from lolameme.study.architectures import label
from lolameme.study.exhibits import Column, Table

FAMILIES = ("gpt2", "hyena", "thex")  # those of the paper
TELLING = (0.2, 0.8)  # where GPT-2 must end for C1: below, the task is too hard for it, above, too easy
MASTERED = 0.01  # loss on training programs, nats per token, from which on they count as learned
UNTESTED = "not part of this study"
NOTHING = "no variant of this study is declared to test it (claims in the configuration)"

PAIRS = (("hyena", "gpt2"), ("thex", "hyena"))  # the paper's order: above, below

PAPER = {  # what the paper reports (arXiv 2406.02592): about, GPT-2 / Hyena / T HEX, the best
    "C1": ("expressions with global variables", (0.007, 0.14, 0.36), "T HEX-12 of 18"),
    "C2": ("several languages at once", (0.249, 0.492, 0.738), "T HEX-13 of 18"),
    "C3": ("memorisation: Hyena far ahead of GPT-2, until it collapses at 1000 variables", (), "Hyena"),
    "C4": ("the best place for the attention layer depends on the task", (), "middle to late layers of 18"),
    "C5": ("training loss 0 and yet exact match 0 (T HEX-11 to 15 on one task, unexplained)", (), "-"),
    "C6": ("ListOps: T HEX is often ahead (summary of the authors; no numbers)", (), "T HEX"),
}


def claims(
    study: config.Study, leaderboard: pd.DataFrame, learned: pd.DataFrame, contrasts: pd.DataFrame, places: pd.DataFrame
) -> pd.DataFrame:
    """One row per claim and variant that tests it: the paper's numbers, ours, a verdict, and why."""
    test = leaderboard[leaderboard["split"] == "test"].set_index(["variant", "architecture"])
    declared = study.claims
    found = {
        "C1": [(variant, *expressions(variant, test, contrasts)) for variant in declared.C1],
        "C2": [(declared.C2.both, *languages(declared.C2.both, leaderboard, contrasts))] if declared.C2 else [],
        "C3": memory(study, test, contrasts),
        "C4": [(", ".join(declared.C4), *best_place(contrasts, places))] if declared.C4 else [],
        "C5": [(variant, *gap(variant, leaderboard, learned)) for variant in declared.C5],
        "C6": [(variant, *order(variant, contrasts)) for variant in declared.C6],
    }
    stands = {"gpt2": "gpt2", "hyena": "hyena", "thex": architectures.middle(study.stacks)}
    rows = []
    for claim, (about, numbers, best) in PAPER.items():
        paper = {f"paper_{name}": value for name, value in zip(FAMILIES, numbers or [None] * 3, strict=True)}
        for variant, verdict, why in found[claim] or [(None, UNTESTED, NOTHING)]:
            ours = {f"ours_{name}": reached(test, variant, stack) for name, stack in stands.items()}
            rows.append(
                {"claim": claim, "about": about, "paper_best": best}
                | paper
                | {"variant": variant}
                | ours
                | {"verdict": verdict, "why": why}
            )
    return pd.DataFrame(rows)


def reached(test: pd.DataFrame, variant: str | None, stack: str | None) -> float | None:
    """The exact match of a stack on a variant, if the study has both."""
    return test["exact_match"].get((variant, stack))


def order(
    variant: str, contrasts: pd.DataFrame, combined: bool = False, pairs: Collection[tuple[str, str]] = PAIRS
) -> tuple[str, str]:
    """The order of the families on a variant, from the contrasts of Hyena and GPT-2, and of T HEX and Hyena.

    `same order` where both say so, `other order` where any does, else undecided; a ceiling or floor where both are.
    """
    mine = contrasts[(contrasts["variant"] == variant) & (contrasts["split"] == "test")]
    asked = [
        (_family(row.above), _family(row.below)) in pairs and row.combined == combined for row in mine.itertuples()
    ]
    mine = mine[asked]
    words = list(mine["verdict"])
    why = "; ".join(f"{row.name_}: {row.says}" for row in mine.rename(columns={"name": "name_"}).itertuples())
    return combine(words), why or "the families that it compares are not all in this study"


def combine(words: list[str]) -> str:
    """One verdict of several contrasts: any other order, else all alike, else undecided."""
    if verdicts.OTHER in words:
        return verdicts.OTHER
    return words[0] if words and len(set(words)) == 1 else verdicts.UNDECIDED


def _family(arm: str) -> str:
    """The family of an arm with one architecture; `several` for others."""
    return "several" if " " in arm else architectures.family(arm)


def expressions(variant: str, test: pd.DataFrame, contrasts: pd.DataFrame) -> tuple[str, str]:
    """C1 needs a task on which GPT-2 ends between 0.2 and 0.8: elsewhere there is no room for the claimed order.

    This is no ceiling and no floor, which other words of a verdict name: those are of all cells, and by a test.
    """
    gpt2 = reached(test, variant, "gpt2")
    if gpt2 is not None and gpt2 > TELLING[1]:
        return verdicts.UNDECIDED, f"GPT-2 reaches {gpt2:.3f}: the task is too easy to tell"
    if gpt2 is not None and gpt2 < TELLING[0]:
        return verdicts.UNDECIDED, f"GPT-2 reaches {gpt2:.3f}: the task is too hard to tell"
    return order(variant, contrasts)


def languages(variant: str, leaderboard: pd.DataFrame, contrasts: pd.DataFrame) -> tuple[str, str]:
    """C2: what several languages at once gain over each alone, at the same tokens, by the order of the families."""
    verdict, why = order(variant, contrasts, combined=True)
    splits = leaderboard[(leaderboard["variant"] == variant) & leaderboard["split"].isin(["transfer", "code_switch"])]
    for split, rows in splits.groupby("split", sort=False):
        each = ", ".join(f"{label(row.architecture)} {row.exact_match:.2f}" for row in rows.itertuples())
        why += f"; on {split}: {each}"
    return verdict, why


def memory(study: config.Study, test: pd.DataFrame, contrasts: pd.DataFrame) -> list[tuple[str, str, str]]:
    """C3: Hyena over GPT-2 for every number of facts; then how both change with it, and the bits that they hold."""
    declared = study.claims.C3
    found = [(variant, *order(variant, contrasts, pairs=PAIRS[:1])) for variant in declared]
    worlds = {variant: study.variants[variant].world for variant in declared}
    if len({world.globals for world in worlds.values()}) < 2:
        return found
    slope = contrasts[contrasts["variant"].eq(declared[0]) & contrasts["combined"].eq(True)]
    slope = slope[slope["above"].eq("gpt2") & slope["below"].eq("hyena")]
    weights = slope_weights([world.globals for world in worlds.values()])
    told = []
    for stack in study.stacks_of(*declared):
        reach = [reached(test, variant, stack) for variant in declared]
        held = [
            bits_per_parameter(em, world.globals, world.modulus, int(test["parameters"][variant, stack]))
            for em, (variant, world) in zip(reach, worlds.items(), strict=True)
        ]
        told.append(f"{label(stack)} {np.dot(weights, reach):+.3f} and at most {max(held):.3f} bits per parameter")
    verdict, says = (slope["verdict"].iloc[0], f"{slope['says'].iloc[0]}; ") if len(slope) else (UNTESTED, "")
    return [*found, (", ".join(declared), verdict, f"{says}exact match per tenfold number of facts: {'; '.join(told)}")]


def best_place(contrasts: pd.DataFrame, places: pd.DataFrame) -> tuple[str, str]:
    """C4: whether some place is best on every task, the step from k = 1 to later places, how sure the best place is."""
    found = contrasts[contrasts["name"] == INTERACTION]
    if found.empty:
        return UNTESTED, "it needs two tasks and two places of the attention layer"
    row = found.iloc[0]
    tasks = set(row["variants"].split(", "))
    p = "" if pd.isna(row["p_corrected"]) else f"one place is best on all tasks: p {row['p_corrected']:.3g}; "
    best = []
    for variant, mine in places[places["variant"].isin(tasks)].groupby("variant", sort=False):
        sure = mine.sort_values("best", ascending=False).iloc[0]
        best.append(f"{variant} k = {sure['place']} ({100 * sure['best']:.0f} % of bootstrap draws)")
    later = contrasts["above"].map(lambda arm: all(map(_swapped_later, arm.split()))).astype(bool)
    steps = contrasts[
        later & contrasts["below"].eq("thex-1") & contrasts["variant"].isin(tasks) & contrasts["split"].eq("test")
    ]
    stepped = [f"{row.variant} {row.says}" for row in steps.itertuples()]
    why = f"{p}best place: {', '.join(best)}" + (f"; k >= 2 over k = 1: {', '.join(stepped)}" if stepped else "")
    return row["verdict"], why


def _swapped_later(name: str) -> bool:
    """Whether an architecture is T HEX with one swapped layer above the first."""
    places = architectures.positions(name)
    return architectures.family(name) == "thex" and len(places) == 1 and places > (1,)


def gap(variant: str, leaderboard: pd.DataFrame, learned: pd.DataFrame) -> tuple[str, str]:
    """C5: stacks whose cells have all learned their training programs, and are at their floor on test."""
    mine = learned[(learned["variant"] == variant) & (learned["split"] == "train sample")]
    last = mine[mine["step"] == mine.groupby(KEYS)["step"].transform("max")]
    loss = last.groupby("architecture")["loss"].max()
    mastered = leaderboard[
        (leaderboard["variant"] == variant) & leaderboard["architecture"].isin(loss.index[loss < MASTERED])
    ]
    test = mastered[mastered["split"] == "test"]
    if test.empty:
        return verdicts.UNDECIDED, f"no architecture gets below a training loss of {MASTERED} with all seeds"
    floor = test[test["state"] == verdicts.AT_FLOOR]
    why = f"{len(test)} of {len(loss)} architectures get below a training loss of {MASTERED} with all seeds; there, "
    why += f"exact match on test is {at_least(test['exact_match'].min(), 2)}"
    if len(floor):
        return verdicts.SEEN, f"{why}, at its floor with {', '.join(map(label, floor['architecture']))}"
    worst = mastered.loc[mastered["exact_match"].idxmin()]
    if worst["split"] != "test":
        why += f", {worst['exact_match']:.2f} on {worst['split']} ({label(worst['architecture'])})"
    return verdicts.NOT_SEEN, why


COLUMNS = {
    "claim": Column(str, "of the paper, C1 to C6"),
    "about": Column(str, "what it says"),
    "paper_best": Column(str, "what is best there"),
    **{f"paper_{name}": Column(float, f"exact match of {label(name)} there", "share") for name in FAMILIES},
    "variant": Column(str, "that tests it here; empty: none does"),
    **{f"ours_{name}": Column(float, f"of {label(name)} here, mean over seeds", "share") for name in ("gpt2", "hyena")},
    "ours_thex": Column(float, "of the T HEX with attention in the middle here, mean over seeds", "share"),
    "verdict": Column(str, "same order, other order, undecided, ..."),
    "why": Column(str, "what it rests on"),
}
TABLES = [
    Table(
        "claims",
        ("leaderboard", "learning", "contrasts", "places"),
        lambda study, leaderboard, learning, contrasts, places: claims(study, leaderboard, learning, contrasts, places),
        "Claims of the paper beside this study (GPT-2 / Hyena / T HEX).",
        columns=COLUMNS,
        latex=latex.claims,
    )
]
