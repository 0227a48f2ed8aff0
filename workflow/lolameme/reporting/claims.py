"""The paper's claims beside what a study measures, each with a verdict and why."""

import pandas as pd

from lolameme.base.text import at_least, steps
from lolameme.reporting import latex
from lolameme.reporting.tables import CEILING, HIGHER, KEYS, LOWER, Standings, ended
from lolameme.study.architectures import label
from lolameme.study.exhibits import Table

FAMILIES = ("gpt2", "hyena", "thex")  # those of the paper
MASTERED = 0.01  # loss on training programs, nats per token, from which on they count as learned
COLLAPSED = 0.5  # exact match of a memory below which it has collapsed
VANISHED = 0.05  # exact match that counts as none

YES, PARTLY, NO = "reproduced", "reproduced in part", "not reproduced"
UNTESTABLE, UNTESTED = "not testable at this scale", "not part of this study"

# What the paper reports (arXiv 2406.02592), beside what this study measures.
CLAIMS = (
    {
        "claim": "C1",
        "text": "expressions with global variables",
        "variants": ("globals_locals", "expressions"),
        "paper": {"gpt2": 0.007, "hyena": 0.14, "thex": 0.36},
        "best": "T HEX-12 of 18",
    },
    {
        "claim": "C2",
        "text": "several languages at once",
        "variants": ("multi_language",),
        "paper": {"gpt2": 0.249, "hyena": 0.492, "thex": 0.738},
        "best": "T HEX-13 of 18",
    },
    {
        "claim": "C3",
        "text": "memorisation: Hyena far ahead of GPT-2, until it collapses at 1000 variables",
        "variants": ("memorize-10", "memorize-30", "memorize-100", "memorize-300", "memorize-1000"),
        "paper": {},
        "best": "Hyena",
    },
    {
        "claim": "C4",
        "text": "the best place for the attention layer depends on the task",
        "variants": None,
        "paper": {},
        "best": "middle to late layers of 18",
    },
    {
        "claim": "C5",
        "text": "training loss 0 and yet exact match 0 (T HEX-11 to 15 on one task, unexplained)",
        "variants": None,
        "paper": {},
        "best": "-",
    },
)


def claims(board: pd.DataFrame, learned: pd.DataFrame, standings: Standings) -> pd.DataFrame:
    """The paper's claims with its numbers and ours, a verdict, and why.

    A family is represented by its architecture that ended best on valid. Verdicts are about the order of the families
    only: these models and data are far smaller than the paper's.
    """
    test = board[board["split"] == "test"]
    reached = ended(learned)
    rows = []
    for claim in CLAIMS:
        told = {"claim": claim["claim"], "about": claim["text"], "paper_best": claim["best"]}
        told |= {f"paper_{family}": claim["paper"].get(family) for family in FAMILIES}
        nothing = {"variant": None} | {f"ours_{family}": None for family in FAMILIES}
        if claim["variants"] is None:
            verdict, why = position(test, standings) if claim["claim"] == "C4" else gap(board, learned)
            rows.append(told | nothing | {"variant": "all variants", "verdict": verdict, "why": why})
            continue
        found = [variant for variant in claim["variants"] if variant in set(test["variant"])]
        for variant in found:
            mine = test[test["variant"] == variant]
            mine = mine.assign(valid=[reached[variant, name] for name in mine["architecture"]])
            ours = mine.loc[mine.groupby("family")["valid"].idxmax()].set_index("family", drop=False)
            values = {f"ours_{family}": ours["exact_match"].get(family) for family in FAMILIES}
            verdict, why = (memory if claim["claim"] == "C3" else order)(ours, standings)
            rows.append(told | {"variant": variant} | values | {"verdict": verdict, "why": why})
        if not found:
            rows.append(told | nothing | {"verdict": UNTESTED, "why": "no variant of this study asks it"})
    return pd.DataFrame(rows)


def order(ours: pd.DataFrame, standings: Standings) -> tuple[str, str]:
    """Is T HEX ahead of Hyena, and Hyena of GPT-2?"""
    if not {"gpt2", "hyena", "thex"} <= set(ours.index):
        return UNTESTABLE, "a family is missing"
    if ours["exact_match"].min() >= CEILING:
        return UNTESTABLE, f"all families reach {at_least(ours['exact_match'].min(), 2)}"
    pairs = [(ours.loc[a], ours.loc[b]) for a, b in (("thex", "hyena"), ("hyena", "gpt2"), ("thex", "gpt2"))]
    found = [standings.compare(a, b) for a, b in pairs]
    why = "; ".join(standings.phrase(a, b, of="family") for a, b in pairs)
    if set(found[:2]) <= set(HIGHER):
        return YES, why
    if set(found) & set(LOWER):
        return NO, f"another order: {why}"
    return (PARTLY, why) if set(found) & set(HIGHER) else (NO, why)


def memory(ours: pd.DataFrame, standings: Standings) -> tuple[str, str]:
    """Does Hyena memorise far more than GPT-2, and collapse at 1000 variables?"""
    if not {"gpt2", "hyena"} <= set(ours.index):
        return UNTESTABLE, "a family is missing"
    hyena, gpt2 = ours.loc["hyena"], ours.loc["gpt2"]
    why = (
        f"{standings.phrase(hyena, gpt2, of='family')}; halfway after {steps(hyena['steps_to_halfway'])} steps against "
        f"{steps(gpt2['steps_to_halfway'])}"
    )
    if hyena["variant"].endswith("-1000"):
        if hyena["exact_match"] < COLLAPSED:
            return YES, f"Hyena collapses to {hyena['exact_match']:.2f} with 1000 variables; {why}"
        return NO, f"no collapse: Hyena reaches {hyena['exact_match']:.2f} with 1000 variables; {why}"
    if ours["exact_match"].min() >= CEILING:
        return UNTESTABLE, f"both reach {at_least(min(hyena['exact_match'], gpt2['exact_match']), 2)}; {why}"
    return (YES if standings.compare(hyena, gpt2) in HIGHER else NO), why


def position(test: pd.DataFrame, standings: Standings) -> tuple[str, str]:
    """Does the best position of the swapped layer depend on the task?

    Counted are tasks on which the best position is told apart from the worst.
    """
    swapped, words, best = test[test["positions"] != ""], [], set()
    for variant, rows in swapped.groupby("variant", sort=False):
        for _, family in rows.groupby("family", sort=False):
            if len(family) > 1:
                ranked = family.sort_values("exact_match", ascending=False)
                first, last = ranked.iloc[0], ranked.iloc[-1]
                words.append(f"{variant}: {standings.phrase(first, last)}")
                if standings.compare(first, last) in HIGHER:
                    best.add((first["family"], first["positions"]))
    if not words:
        return UNTESTABLE, "one position only"
    families = [family for family, _ in best]
    if any(families.count(family) > 1 for family in families):
        return YES, "; ".join(words)
    if not best:
        return UNTESTABLE, f"no place is told apart from another: {'; '.join(words)}"
    return NO, f"the best place is the same wherever places differ: {'; '.join(words)}"


def gap(board: pd.DataFrame, learned: pd.DataFrame) -> tuple[str, str]:
    """Is there a stack that masters its training programs and answers nothing right?"""
    last = learned[learned["step"] == learned.groupby(KEYS)["step"].transform("max")]
    loss = last[last["split"] == "train sample"].groupby(["variant", "architecture"])["loss"].max()
    mastered = board.set_index(["variant", "architecture"]).loc[list(loss[loss < MASTERED].index)].reset_index()
    if mastered.empty:
        return UNTESTABLE, f"no architecture gets below a training loss of {MASTERED} with all seeds"
    test, worst = mastered[mastered["split"] == "test"], mastered.loc[mastered["exact_match"].idxmin()]
    why = (
        f"{len(test)} of {len(loss)} pairs of task and architecture get below a training loss of {MASTERED}; there, "
        f"exact match on test is {at_least(test['exact_match'].min(), 2)}"
    )
    if worst["split"] != "test":
        place = f"{worst['variant']} · {worst['split']}, {label(worst['architecture'])}"
        why += f", but falls to {worst['exact_match']:.2f} on another split ({place})"
    return (YES if test["exact_match"].min() < VANISHED else NO), why


TABLES = [
    Table(
        "claims",
        ("leaderboard", "learning", "comparisons"),
        lambda study, leaderboard, learning, comparisons: claims(leaderboard, learning, Standings(comparisons)),
        "Claims of the paper beside this study (GPT-2 / Hyena / T HEX).",
        latex=latex.claims,
    )
]
