"""Tables and sentences follow from the numbers, with words that respect how sure they are."""

import math

import numpy as np
import pandas as pd
import pytest

from conftest import study
from lolameme.analyses._routes import BIND, ROUTES
from lolameme.data.accounts import FIRST
from lolameme.drawing.panels import spaced
from lolameme.reporting import claims as claimed
from lolameme.reporting import tables
from lolameme.reporting.contrasts import INTERACTION, best_places, contrasts
from lolameme.reporting.findings import abstract, findings, inside, predicted, tuned, tuning
from lolameme.reporting.predictions import MIDDLE
from lolameme.statistics import verdicts
from lolameme.statistics.lock_in import CEILING, goal

FLOOR = 0.4
STACKS = ["gpt2", "hyena", "thex-1", "thex-2", "thex-3"]
FOUR = {"layers": 3, "d_model": 16, "heads": 2}


def made(**changes):
    """A study of three layers, three places and five seeds."""
    return study(**{"architectures": STACKS, "model": FOUR, "seeds": [1, 2, 3, 4, 5]} | changes)


def cells(variant: str = "recall", split: str = "test", floor: float = FLOOR, **means: float | list[float]):
    """The table of cells of one variant: exact match of five seeds by architecture; a number stands for all of them."""
    luck, rows = np.array([-0.01, 0.0, 0.012, -0.005, 0.003]), []
    for turn, (name, values) in enumerate(means.items()):
        values = values + np.roll(luck * len(variant) / 6, turn) if isinstance(values, float) else values
        for seed, value in enumerate(np.clip(values, 0, 1), start=1):
            cell = {"variant": variant, "split": split, "architecture": name.replace("_", "-"), "seed": seed}
            kinds = {"above": value > floor + 0.03, "locked": value >= goal(floor), "high": value >= CEILING}
            rest = dict.fromkeys(tables.SHARED, 1) | dict.fromkeys(tables.MEANS, 1000.0)
            rows.append(rest | cell | kinds | {"exact_match": value, "floor": floor})
    return pd.DataFrame(rows)


def history(of: pd.DataFrame, loss: float = 0.5) -> pd.DataFrame:
    """Curves that start at the floor, are where they end from step 10 on, and have this loss."""
    test = of[of["split"] == "test"]
    rows = []
    for cell in test.itertuples():
        identity = {"variant": cell.variant, "architecture": cell.architecture, "seed": cell.seed, "loss": loss}
        for step, reached in ((0, cell.floor), (10, cell.exact_match), (20, cell.exact_match)):
            rows += [identity | {"step": step, "split": s, "exact_match": reached} for s in ("valid", "train sample")]
    return pd.DataFrame(rows)


BISTABLE = cells(
    gpt2=0.41, hyena=[0.95, 0.96, 0.41, 0.94, 0.42], thex_1=0.41, thex_2=0.97, thex_3=[0.9, 0.93, 0.92, 0.41, 0.9]
)


def of_claims(given, table: pd.DataFrame, loss: float = 0.5) -> pd.DataFrame:
    learned = history(table, loss)
    leaderboard = tables.leaderboard(table, learned)
    found = claimed.claims(given, leaderboard, learned, contrasts(given, table), best_places(given, table))
    return found.set_index("claim")


def test_the_leaderboard_counts_the_cells_that_lock_in():
    leaderboard = tables.leaderboard(BISTABLE, history(BISTABLE)).set_index("architecture")
    assert list(leaderboard["locked"]) == [0, 3, 0, 5, 4]
    assert (leaderboard["seeds"] == 5).all()
    assert leaderboard.loc["hyena", "locked_low"] == pytest.approx(0.1466, abs=1e-4)
    assert leaderboard["state"].to_dict() == {
        "gpt2": verdicts.AT_FLOOR, "hyena": "", "thex-1": verdicts.AT_FLOOR, "thex-2": "", "thex-3": "",
    }  # fmt: skip
    assert list(leaderboard["steps_to_half"]) == [math.inf, 10, math.inf, 10, 10]
    assert (leaderboard["low"] <= leaderboard["exact_match"]).all()
    assert (leaderboard["high"] <= 1).all()


def test_no_cell_is_said_to_lock_in_at_some_step_that_does_not_lock_in():
    """The floor is 1: whoever has read the one value of the prompt is at the ceiling, and has bound nothing."""
    single = cells(floor=1.0, gpt2=[1.0] * 5, hyena=[1.0] * 5).assign(above=False, locked=False)
    leaderboard = tables.leaderboard(single, history(single))
    assert list(leaderboard["steps_to_half"]) == [math.inf, math.inf]
    assert "lock" not in findings(leaderboard, contrasts(made(contrasts=[]), single))[0][0]


def test_one_seed_has_no_interval():
    one = BISTABLE[BISTABLE["seed"] == 1]
    leaderboard = tables.leaderboard(one, history(one))
    assert leaderboard[["low", "high"]].isna().all(axis=None)


def test_contrasts_are_those_planned_and_corrected_for_all():
    found = contrasts(made(contrasts=None, variants={"recall": study().variants["recall"].model_dump()}), BISTABLE)
    rows = found.set_index("name")
    assert len(found) == 3
    step = rows.loc["T HEX with attention above its first layer, over T HEX-1"]
    assert (step["verdict"], step["by"], step["locked"]) == (verdicts.SAME, verdicts.BY_LOCK_IN, "9/10 : 0/5")
    assert step["p_corrected"] == pytest.approx(3 * step["p"])
    unsure = rows.loc["Hyena over GPT-2"]
    assert unsure["verdict"] == verdicts.UNDECIDED
    assert unsure["says"].startswith("undecided (could have found 0.")
    seen = rows.loc["T HEX-2 over Hyena"]
    assert seen["every_seed"]  # which describes, and does not decide
    assert seen["verdict"] == verdicts.UNDECIDED


def test_seeds_pair_the_arms_whatever_the_order_of_rows():
    given = made(contrasts=[{"name": "x", "above": ["hyena"], "below": ["gpt2"], "variants": ["recall"]}])
    worlds = np.array([0.75, 0.80, 0.9, 0.85, 0.95])
    table = cells(gpt2=list(worlds - 0.03), hyena=list(worlds + np.array([0.001, 0, -0.001, 0, 0])))
    found = contrasts(given, table.sample(frac=1, random_state=1)).iloc[0]
    assert (found["by"], found["verdict"]) == (verdicts.BY_MEANS, verdicts.SAME)
    assert found["difference"] == pytest.approx(0.03)


def test_findings_say_who_locks_in_who_is_stuck_and_what_was_tested():
    given = made(contrasts=[{"name": "step", "above": ["thex-2"], "below": ["thex-1"], "variants": ["recall"]}])
    leaderboard, found = tables.leaderboard(BISTABLE, history(BISTABLE)), contrasts(given, BISTABLE)
    ((sentence, extra),) = findings(leaderboard, found)
    assert "T HEX-2 0.970 (5 of 5 lock in)" in sentence
    assert "Hyena 0.736 (3 of 5 lock in)" in sentence
    assert "GPT-2 and T HEX-1 at its floor (0.400) after 1,000 tokens" in sentence
    assert "step: same order (5/5 cells lock in against 0/5 in every seed)" in sentence
    assert extra == []
    size, ends, tested = abstract(given, leaderboard, found, 60)
    assert size.startswith("Five stacks of three layers were trained on two tasks with five seeds each: 50 cells, 1:00")
    assert ends.startswith("Recall of locals: exact match is GPT-2 ")
    assert "T HEX 0.41 (T HEX-1) to 0.97 (T HEX-2; 9 of 15 cells lock in); the floor is 0.40." in ends
    assert tested.startswith("Of one contrast fixed in advance and corrected for their number (Holm): 1 same order.")
    assert "Same order: step (“recall of locals”; 5/5 cells lock in against 0/5; lock-in)." in tested
    high = cells(gpt2=[0.99] * 5, hyena=[1.0] * 5)
    leaderboard = tables.leaderboard(high, history(high))
    assert "all architectures reach 0.990 or more, at the ceiling" in findings(leaderboard, found.iloc[:0])[0][0]


def test_at_its_floor_means_after_so_many_tokens_wherever_it_is_said():
    floor = cells(gpt2=[0.4] * 5, hyena=[0.41] * 5)
    given = made(contrasts=[{"name": "step", "above": ["hyena"], "below": ["gpt2"], "variants": ["recall"]}])
    ((sentence, _),) = findings(tables.leaderboard(floor, history(floor)), contrasts(given, floor))
    assert "every architecture is at its floor (0.400) after 1,000 tokens" in sentence
    assert "step: at its floor after 1,000 tokens (" in sentence
    trial = {"variant": "recall", "architecture": "gpt2", "stands_for": "gpt2", "weight_decay": 0.1, "steps": 10}
    rates = [trial | {"learning_rate": rate, "tokens": 900, "why": verdicts.AT_FLOOR} for rate in (1e-3, 2e-3)]
    ((line,),) = (found["lines"] for found in tuning(pd.DataFrame(rates)))
    assert line["why"] == "at its floor after 900 tokens"


def test_extra_splits_have_findings_of_their_own():
    both = pd.concat([BISTABLE, cells(split="longer", gpt2=0.4, hyena=0.41, thex_1=0.4, thex_2=0.4, thex_3=0.4)])
    ((_, extra),) = findings(tables.leaderboard(both, history(both)), contrasts(made(contrasts=[]), BISTABLE))
    assert extra == ["<i>longer</i>: every architecture is at its floor (0.400) after 1,000 tokens."]


def test_where_the_leader_of_test_is_behind_is_said_beside_where_it_leads():
    """All splits, with who is ahead and by what; in the abstract as in the findings of the task."""
    splits = {
        "test": {"gpt2": 0.6, "hyena": 0.8, "thex_2": 0.9},
        "longer": {"gpt2": 0.5, "hyena": 0.6, "thex_2": 0.7},
        "code_switch": {"gpt2": 0.5, "hyena": 0.73, "thex_2": 0.41},
        "transfer": {"gpt2": 0.8, "hyena": 0.7, "thex_2": 0.75},
        "unknown": {"gpt2": 0.41, "hyena": 0.4, "thex_2": 0.4},  # all at the floor: nobody is ahead
    }

    def said(**changes):
        rows = pd.concat(cells(split=s, **{n: [v] * 5 for n, v in (of | changes.get(s, {})).items()})
                         for s, of in splits.items())  # fmt: skip
        board = tables.leaderboard(rows, history(rows))
        ((sentence, _),) = findings(board, contrasts(made(contrasts=[]), BISTABLE))
        return sentence, abstract(made(), board, contrasts(made(contrasts=[]), BISTABLE), 60)[1]

    for text in said():
        assert (
            ". By means, which no test compares: T HEX-2 leads on test and is behind on code_switch (Hyena 0.730, it "
            "0.410) and transfer (GPT-2 0.800, it 0.750)" in text
        )
    everywhere = {"code_switch": {"thex_2": 0.9}, "transfer": {"thex_2": 0.9}}
    for text in said(**everywhere):
        assert "T HEX-2 leads on test and is behind on none of longer, code_switch, transfer and unknown" in text
    for text in said(test={"hyena": 0.9}):  # two share the first place, each behind elsewhere
        assert "Hyena and T HEX-2 share the first place on test; Hyena is behind on longer (T HEX-2 0.700, it" in text
        assert "; T HEX-2 is behind on code_switch (Hyena" in text
    alike = {split: {"hyena": 0.9, "thex_2": 0.9} for split in splits}
    for text in said(**alike):
        assert "test; Hyena and T HEX-2 are behind on none of longer, code_switch, transfer and unknown" in text
    for text in said(test={"gpt2": 1.0, "hyena": 0.99, "thex_2": 0.99}):  # at the ceiling nobody leads
        assert "leads on test" not in text


def test_a_leader_that_is_ahead_on_the_one_other_split_is_behind_on_no_other():
    rows = pd.concat(cells(split=split, gpt2=0.6, thex_2=0.9) for split in ("test", "longer"))
    ((sentence, _),) = findings(tables.leaderboard(rows, history(rows)), contrasts(made(contrasts=[]), BISTABLE))
    assert (
        ". By means, which no test compares: T HEX-2 leads on test and is behind on no other split (longer)."
        in sentence
    )


def test_the_abstract_says_what_tasks_ask_and_not_what_they_are_called():
    variants = {f"task_{n}": study().variants["recall"].model_dump() | {"about": f"recall number {n}"} for n in (1, 22)}
    given = made(contrasts=[], claims={"C2": {"both": "task_1", "alone": ["task_22"]}}, variants=variants)
    low, high = ({"gpt2": 0.45, "hyena": hyena, "thex_1": 0.5, "thex_2": 0.5, "thex_3": 0.5} for hyena in (0.45, 0.6))
    table = pd.concat([cells("task_1", **high), cells("task_22", **low)])
    text = " ".join(abstract(given, tables.leaderboard(table, history(table)), contrasts(given, table), 60))
    assert "Recall number 1: exact match is GPT-2 0.45" in text
    assert "(“recall number 1” -1 “recall number 22”; +0.15" in text
    assert "task_" not in text


def test_rates_that_a_configuration_gives_to_a_family_are_said_of_its_tasks():
    """Nowhere is a study said to have one rate for all that has not."""
    assert tuned(made(tuning=None)) == "Learning rates were not tuned: all stacks share one per task."
    variants = {name: study().variants["recall"].model_dump() for name in ("near", "far")}
    variants["far"]["training"] = {"rates": {}}
    given = made(tuning=None, variants=variants, training={"steps": 8, "rates": {"hyena": 0.5}})
    assert tuned(given) == "Learning rates were not tuned: all stacks share one per task, but Hyena has 0.5 on near."
    assert tuned(made()).startswith("Each family has its own learning rate per task")


def test_processor_time_of_a_cell_counts_once_however_many_splits_it_has():
    rows = pd.concat(cells(split=split, gpt2=0.6, hyena=0.6) for split in ("test", "longer"))
    assert tables.processor_seconds(rows) == 10 * 1000


def test_claims_follow_from_the_contrasts_that_they_declare():
    given = made(contrasts=[], claims={"C1": ["recall"]})
    verdict, why = {}, {}
    for name, table in {
        "same": cells(gpt2=0.45, hyena=0.55, thex_2=0.65, thex_1=0.5, thex_3=0.5),
        "other": cells(gpt2=0.65, hyena=0.5, thex_2=0.65, thex_1=0.5, thex_3=0.5),
        "unsure": cells(gpt2=0.5, hyena=0.501, thex_2=0.65, thex_1=0.5, thex_3=0.5),
        "easy": cells(gpt2=0.85, hyena=0.9, thex_2=0.95, thex_1=0.9, thex_3=0.9),
        "hard": cells(floor=0.02, gpt2=0.1, hyena=0.2, thex_2=0.3, thex_1=0.2, thex_3=0.2),
    }.items():
        found = of_claims(given, table)
        assert found.loc["C6", "verdict"] == claimed.UNTESTED
        row = found.loc["C1"]
        verdict[name], why[name] = row["verdict"], row["why"]
        assert (row["paper_gpt2"], row["paper_thex"]) == (0.007, 0.36)
        assert row["ours_thex"] == pytest.approx(table[table["architecture"] == "thex-2"]["exact_match"].mean())
    assert verdict == {
        "same": verdicts.SAME, "other": verdicts.OTHER, "unsure": verdicts.UNDECIDED,
        "easy": verdicts.UNDECIDED, "hard": verdicts.UNDECIDED,
    }  # fmt: skip
    assert why["easy"].endswith("the task is too easy to tell")
    assert why["hard"].endswith("the task is too hard to tell")


def test_two_languages_are_compared_with_each_alone():
    given = made(contrasts=[], claims={"C2": {"both": "recall", "alone": ["facts"]}})
    alone = cells("facts", gpt2=0.5, hyena=0.5, thex_1=0.5, thex_2=0.5, thex_3=0.5)
    both = cells(gpt2=0.45, hyena=0.55, thex_1=0.5, thex_2=0.65, thex_3=0.5)
    row = of_claims(given, pd.concat([both, alone])).loc["C2"]
    assert row["verdict"] == verdicts.SAME
    assert row["why"].startswith("Hyena over GPT-2: both languages minus each alone: same order")
    better = alone.assign(exact_match=np.where(alone["architecture"] == "hyena", 0.65, alone["exact_match"]))
    assert of_claims(given, pd.concat([both, better])).loc["C2", "verdict"] == verdicts.OTHER


def test_memory_is_an_order_a_slope_and_bits():
    facts = study().variants["facts"].model_dump()
    more = facts | {"world": facts["world"] | {"stems": 20, "heads": 20, "globals": 200}, "sizes": {"train": 200}}
    given = made(
        contrasts=[], claims={"C3": ["facts", "more"]}, variants={"facts": facts, "more": more},
        architectures=["gpt2", "hyena"],
    )  # fmt: skip
    few = cells("facts", floor=0.01, gpt2=0.3, hyena=0.45)
    many = cells("more", floor=0.01, gpt2=0.28, hyena=0.1)
    rows = of_claims(given, pd.concat([few, many]).assign(parameters=1000)).loc["C3"]
    assert list(rows["variant"]) == ["facts", "more", "facts, more"]
    assert list(rows["verdict"]) == [verdicts.SAME, verdicts.OTHER, verdicts.SAME]
    assert "GPT-2 -0.020 and at most" in rows["why"].iloc[2]
    assert "Hyena -0.350 and at most" in rows["why"].iloc[2]


def test_the_best_place_depends_on_the_task_or_does_not():
    given = made(contrasts=[], claims={"C4": ["recall", "facts"]})
    early = cells(gpt2=0.4, hyena=0.4, thex_1=0.95, thex_2=0.4, thex_3=0.4)
    late = cells("facts", gpt2=0.4, hyena=0.4, thex_1=0.4, thex_2=0.4, thex_3=0.95)
    row = of_claims(given, pd.concat([early, late])).loc["C4"]
    assert row["verdict"] == verdicts.DEPENDS
    assert "best place: recall k = 1 (100 % of bootstrap draws), facts k = 3 (100 % of bootstrap draws)" in row["why"]
    same = pd.concat([early, early.assign(variant="facts")])
    assert of_claims(given, same).loc["C4", "verdict"] == verdicts.UNDECIDED
    assert contrasts(given, same)["name"].tolist() == [INTERACTION]
    assert of_claims(given, same).loc["C4", "why"].startswith("one place is best on all tasks: p 1; ")
    alone = pd.concat([early, cells("facts", gpt2=0.4, hyena=0.4, thex_1=0.4, thex_2=0.4, thex_3=0.4)])
    assert of_claims(given, alone).loc["C4", "verdict"] == verdicts.UNDECIDED  # places matter on one task only
    says = contrasts(given, alone)["says"].iloc[0]
    assert says.startswith("undecided (could have found 0.98 of the seeds locking in at the best places of two tasks")
    floor = pd.concat(
        [cells(thex_1=0.4, thex_2=0.4, thex_3=0.4, gpt2=0.4), cells("facts", thex_1=0.4, thex_2=0.4, thex_3=0.4)]
    )
    assert of_claims(given, floor).loc["C4", "verdict"] == verdicts.AT_FLOOR


def test_the_step_from_the_first_place_is_that_of_t_hex_alone():
    def step(name: str, *above: str) -> dict:
        return {"name": name, "above": list(above), "below": ["thex-1"], "variants": ["recall"]}

    steps = [step("later places", "thex-2", "thex-3"), step("no T HEX", "hyena"), step("a mixture", "thex-2", "gpt2")]
    given = made(contrasts=steps, claims={"C4": ["recall", "facts"]})
    why = of_claims(given, pd.concat([BISTABLE, BISTABLE.assign(variant="facts")])).loc["C4", "why"]
    assert why.partition("; k >= 2 over k = 1: ")[2].count("recall") == 1


def test_a_gap_between_training_and_test_is_seen_or_not():
    given = made(contrasts=[], claims={"C5": ["recall"]})
    assert of_claims(given, BISTABLE, 0.5).loc["C5", "verdict"] == verdicts.UNDECIDED
    row = of_claims(given, BISTABLE, 0.001).loc["C5"]
    assert row["verdict"] == verdicts.SEEN
    assert row["why"].startswith("5 of 5 architectures")
    assert row["why"].endswith("at its floor with GPT-2, T HEX-1")
    assert of_claims(given, cells(gpt2=0.9, hyena=0.9), 0.001).loc["C5", "verdict"] == verdicts.NOT_SEEN


def test_labels_keep_their_order_and_distance():
    places = spaced(pd.Series({"a": 0.99, "b": 0.98, "c": 0.1, "d": 1.0}), gap=0.05, high=1.0)
    assert list(places.index) == ["c", "b", "a", "d"]
    assert places["d"] <= 1.0
    assert places.diff().dropna().min() >= 0.05 - 1e-9


def test_why_is_answered_by_what_was_predicted_and_by_the_routes_that_were_found():
    scored = {"positions": [4, 4], "hits": [2, 1]}
    table = pd.DataFrame({"account": [FIRST, MIDDLE], "cells": [30, 0], "above": [3, 0]} | scored)
    assert predicted(table) == (
        "By the account of one filter, fixed before any training, 3 of 30 cells end above their bound, and of four "
        "best places it names 2 (always the middle: 1). "
    )
    assert predicted(table.assign(cells=0)) == predicted(None) == ""
    routes = pd.DataFrame(dict.fromkeys(ROUTES, 0) | {BIND: [2, 1], "no binding": [0, 4]})
    assert inside(routes) == (
        "Where two names are exchanged, cells answer so: 3 bind, then look up, 4 no binding; see Mechanism."
    )
