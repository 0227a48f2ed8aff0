"""What a study found, in sentences that follow from its tables; none is written by hand."""

import html
import math
from typing import Any

import pandas as pd

from lolameme.base.text import at_least, steps
from lolameme.data.card import sentence
from lolameme.reporting.tables import CEILING, HIGHER, Standings
from lolameme.study import config
from lolameme.study.architectures import label


def abstract(study: config.Study, board: pd.DataFrame, standings: Standings, seconds: float) -> str:
    """The study in a few sentences: its size, where architectures differ, where the place of a layer matters."""
    cells = len(study.variants) * len(study.stacks) * len(study.seeds)
    counts = f"{len(study.stacks)} stacks on {len(study.variants)} tasks with {len(study.seeds)} seeds"
    told, equal, placed = [], [], []
    for variant, rows in board[board["split"] == "test"].groupby("variant", sort=False):
        ranked = [row for _, row in rows.sort_values("exact_match", ascending=False).iterrows()]
        first, beaten = ranked[0], [row for row in ranked[1:] if standings.compare(ranked[0], row) in HIGHER]
        if beaten:
            level = [first, *(row for row in ranked[1:] if standings.compare(first, row) not in HIGHER)]
            verb = "leads" if len(level) == 1 else "lead"
            told.append(f"on {variant}, {names(level)} {verb} over {names(beaten)}")
        else:
            equal.append(variant)
        swapped = [row for row in ranked if row["positions"]]
        if len(swapped) > 1 and standings.compare(swapped[0], swapped[-1]) in HIGHER:
            placed.append(f"{standings.phrase(swapped[0], swapped[-1])} ({variant})")
    text = f"{counts} make {cells} cells, trained in {seconds / 60:.0f} minutes of cell time. "
    text += f"{'; '.join(told)[0].upper()}{'; '.join(told)[1:]}. " if told else ""
    text += f"No architecture stands out on {listed(equal)}. " if equal else ""
    if placed:
        text += f"The same layers in another order are not the same stack: {'; '.join(placed)}. "
    return text.strip()


def questions(
    study: config.Study, board: pd.DataFrame, claims: pd.DataFrame, cards: list[dict[str, Any]], standings: Standings
) -> list[tuple[str, str, str]]:
    """The questions of the study (Q1-Q6), each with what it asks and as much of an answer as this study gives."""
    why = claims.drop_duplicates("claim").set_index("claim")["why"].map(sentence)
    public = board[(board["split"] == "test") & board["variant"].map(lambda v: study.variants[v].task != "lolameme")]
    found = [f"{name}: {standing(rows, standings)}" for name, rows in public.groupby("variant", sort=False)]
    oracles = min(split["oracle"] for card in cards for name, split in card["splits"].items() if name != "train")
    share = "all" if oracles == 1 else f"at least {100 * oracles:.1f} % of the"
    held = [card for card in cards if card["leakage"]]
    checked = sum(card["leakage"]["held_out_prompts"] for card in held)
    shared = sum(card["leakage"]["shared"] for card in held)
    tuned = "All architectures share one learning rate per task."
    if study.tuning:
        rates = len(study.tuning.learning_rate)
        tuned = f"Each architecture has its own learning rate per task, chosen on valid from {rates} that were tried."
    return [
        (
            "Q1",
            "Where must the swapped layer stand, and why?",
            f"{why['C4']} The reason is for mechanistic analyses, which this study does not run yet.",
        ),
        (
            "Q2",
            "Do the data measure what they claim?",
            f"{len(cards)} data cards: an independent interpreter answers {share} queries of every test split as "
            f"the generator did; {shared} of {checked:,} prompts to validate and test "
            "on are also in train, where prompts are held out at all.",
        ),
        (
            "Q3",
            "Does it hold on public tasks?",
            f"{'; '.join(found)}." if found else "No ListOps or recall task of others is part of this study.",
        ),
        ("Q4", "Can training loss vanish while exact match does?", why["C5"]),
        (
            "Q5",
            "Is the comparison fair?",
            f"{spread(board, study.match)} {tuned} {len(study.seeds)} seeds, tests paired by program and corrected.",
        ),
        ("Q6", "What does the framework look like?", "Drawn at the top of this page, from this study's own data."),
    ]


def findings(board: pd.DataFrame, standings: Standings) -> list[tuple[str, list[str]]]:
    """Per variant a sentence on `test` and one for each extra split: who leads, is that clear, who is stuck."""
    found = []
    for variant, rows in board.groupby("variant", sort=False):
        by_split = dict(list(rows.groupby("split", sort=False)))
        test = by_split.pop("test")
        extra = [f"<i>{split}</i>: {html.escape(standing(part, standings))}." for split, part in by_split.items()]
        found.append((f"<b>{variant}</b>: {html.escape(standing(test, standings) + order(test))}.", extra))
    return found


def standing(rows: pd.DataFrame, standings: Standings) -> str:
    """How the architectures stand on one split."""
    ranked = [row for _, row in rows.sort_values("exact_match", ascending=False).iterrows()]
    first, last = ranked[0], ranked[-1]
    stuck = [row for row in ranked if row["low"] <= row["baseline"] + 0.02]
    if last["exact_match"] >= CEILING:
        return f"all architectures reach {at_least(last['exact_match'], 3)}, the ceiling"
    if len(stuck) == len(ranked):
        return f"no architecture is better than the strongest baseline ({em(first['baseline'])})"
    kinds: dict[str, list[pd.Series]] = {"not told apart from": [], "above": [], "ahead of": []}
    for row in ranked[1:]:
        kinds[standings.compare(first, row)].append(row)
    rivals, below, beaten = kinds.values()
    text = f"{label(first['architecture'])} reaches {em(first['exact_match'])}"
    if len(rivals) == len(ranked) - 1:
        text += ", and no architecture is told apart from it"
    elif len(beaten) == len(ranked) - 1:
        text += f", ahead of all others (next {label(beaten[0]['architecture'])}, {em(beaten[0]['exact_match'])})"
    else:
        text += f", not told apart from {names(rivals)}" if rivals else ""
        text += f", above {names(below)} in every seed ({best_of(below)})" if below else ""
        text += f", ahead of {names(beaten)} ({best_of(beaten)})" if beaten else ""
    if stuck:
        text += f"; {names(stuck)} no better than the strongest baseline ({em(first['baseline'])})"
    return text


def best_of(rows: list[pd.Series]) -> str:
    """The highest exact match of rows in falling order, as the most that they reach."""
    return f"{'at most ' if len(rows) > 1 else ''}{em(rows[0]['exact_match'])}"


def order(rows: pd.DataFrame) -> str:
    """Who learns first and who last, where they differ."""
    learners = rows[rows["steps_to_halfway"].map(math.isfinite)].sort_values("steps_to_halfway", kind="stable")
    by_steps = [(at, [row for _, row in tied.iterrows()]) for at, tied in learners.groupby("steps_to_halfway")]
    if len(by_steps) < 2:
        return ""
    (soon, first), (late, last) = by_steps[0], by_steps[-1]
    return (
        f". {names(first)} get{'s' if len(first) == 1 else ''} halfway first, after {steps(soon)} steps, "
        f"{names(last)} last, after {steps(late)}"
    )


def tuning(tried: pd.DataFrame) -> list[dict[str, Any]]:
    """Per variant the trials of each architecture: exact match on valid by what was tried, and the choice."""
    found = []
    for variant, rows in tried.groupby("variant", sort=False):
        points = list(dict.fromkeys(rows["trial"]))
        decays = rows["weight_decay"].nunique() > 1
        heads = rows.drop_duplicates("trial").set_index("trial")
        head = [
            f"{heads.loc[p, 'learning_rate']:g}" + (f", decay {heads.loc[p, 'weight_decay']:g}" if decays else "")
            for p in points
        ]
        lines = [
            {"architecture": architecture, "cells": mine.set_index("trial").loc[points].to_dict("records")}
            for architecture, mine in rows.groupby("architecture", sort=False)
        ]
        rates = rows["learning_rate"]
        edge = int((rows["chosen"] & rates.isin([rates.min(), rates.max()])).sum()) if rates.nunique() > 2 else 0
        found.append({"variant": variant, "head": head, "lines": lines, "edge": edge, "steps": rows["steps"].max()})
    return found


def spread(board: pd.DataFrame, match: str) -> str:
    """How alike the architectures of a study are in size and cost, as a sentence."""
    test = board[board["split"] == "test"]
    widths = test["d_model"]
    ranges = []
    for column, name in (("parameters", "parameters"), ("flops_per_token", "FLOPs per token")):
        ratio = test.groupby("variant")[column].agg(lambda values: values.max() / values.min()).max()
        ranges.append(f"{name} differ by up to {100 * (ratio - 1):.0f} %")
    same = widths.nunique() == 1
    size = f"a width of {widths.iloc[0]}" if same else f"widths of {widths.min()} to {widths.max()}"
    basis = {
        "depth": "the same depth and width",
        "parameters": "the same depth, and widths that give all as many parameters as GPT-2",
        "flops": "the same depth, and widths that give all as many FLOPs per token as GPT-2",
    }[match]
    return f"Architectures are compared at {basis} ({size}); between those of one task, {' and '.join(ranges)}."


def names(rows: list[pd.Series]) -> str:
    """Architectures in a sentence."""
    return listed([label(row["architecture"]) for row in rows])


def listed(words: list[str]) -> str:
    """Words in a sentence: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def em(value: float | None) -> str:
    """Exact match as people compare it; a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{value:.3f}"


def signed(value: float | None) -> str:
    """A difference of exact matches; a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{round(value, 3) + 0.0:+.3f}"  # no minus before 0


def p_value(value: float | None) -> str:
    """A p value as people write it."""
    if value is None or pd.isna(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
