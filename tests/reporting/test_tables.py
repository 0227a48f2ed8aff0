"""Sentences and verdicts follow from the numbers, with words that respect how sure they are."""

import math

import numpy as np
import pandas as pd
import pytest

from lolameme.evaluation.statistics import Outcomes
from lolameme.reporting import tables
from lolameme.reporting.figures import spread
from lolameme.reporting.findings import findings


def board(**rows) -> pd.DataFrame:
    """A leaderboard of one variant: architecture=(mean, low, high, steps to halfway)."""
    names = {name.replace("_", "-"): values for name, values in rows.items()}
    return pd.DataFrame(
        [
            {
                "variant": "multi_language",
                "split": "test",
                "architecture": name,
                "family": name.split("-")[0],
                "positions": name.partition("-")[2],
                "exact_match": mean,
                "low": low,
                "high": high,
                "steps_to_halfway": halfway,
                "baseline": 0.2,
            }
            for name, (mean, low, high, halfway) in names.items()
        ]
    )


def standings(board: pd.DataFrame, sure: bool = True) -> tables.Standings:
    """Comparisons that tell two apart where their intervals do not overlap; `sure` if for other seeds, too."""
    rows = [
        {
            "variant": a["variant"], "split": a["split"], "architecture": a["architecture"], "other": b["architecture"],
            "difference": a["exact_match"] - b["exact_match"],
            "p_corrected": 0.01 if sure and (a["low"] > b["high"] or b["low"] > a["high"]) else 0.4,
            "p_models_corrected": 0.01,
            "separated": a["low"] > b["high"] or b["low"] > a["high"],
        }
        for _, group in board.groupby("split") for _, a in group.iterrows() for _, b in group.iterrows()
    ]  # fmt: skip
    return tables.Standings(pd.DataFrame(rows))


def claims(board: pd.DataFrame, loss: float = 0.5) -> pd.DataFrame:
    return tables.claims(board, history(loss), standings(board)).set_index("claim")


def found(board: pd.DataFrame) -> list[tuple[str, list[str]]]:
    return findings(board, standings(board))


def history(loss: float) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"variant": "multi_language", "architecture": name, "seed": 1, "step": 10, "split": split, "loss": loss}
            for name in ("gpt2", "hyena", "thex-2")
            for split in ("train sample", "valid")
        ]
    )


CLEAR = board(gpt2=(0.2, 0.15, 0.25, math.inf), hyena=(0.5, 0.45, 0.55, 300.0), thex_2=(0.8, 0.75, 0.85, 200.0))
EQUAL = board(gpt2=(0.7, 0.6, 0.8, 100.0), hyena=(0.72, 0.62, 0.82, 100.0), thex_2=(0.74, 0.64, 0.84, 100.0))


def test_a_claim_is_reproduced_only_where_comparisons_tell_apart():
    clear, equal = (claims(b)["verdict"] for b in (CLEAR, EQUAL))
    assert clear["C2"] == "same order: T HEX ahead of Hyena; Hyena ahead of GPT-2"
    assert equal["C2"].startswith("no order: T HEX not told apart from Hyena")
    part = board(gpt2=(0.2, 0.15, 0.25, 5.0), hyena=(0.5, 0.2, 0.8, 5.0), thex_2=(0.6, 0.5, 0.7, 5.0))
    other = board(gpt2=(0.6, 0.5, 0.7, 5.0), hyena=(0.2, 0.15, 0.25, 5.0), thex_2=(0.8, 0.75, 0.85, 5.0))
    verdict = {name: claims(b)["verdict"]["C2"] for name, b in (("part", part), ("other", other))}
    assert verdict["part"] == (
        "same order in part: T HEX not told apart from Hyena; Hyena not told apart from GPT-2; T HEX ahead of GPT-2"
    )
    assert verdict["other"].startswith("another order: T HEX ahead of Hyena; Hyena behind GPT-2")
    assert clear["C1"] == "not tested in this study"
    assert clear["C4"] == "not testable: one position only"


def test_few_seeds_are_said_to_be_few():
    unsure = standings(CLEAR, sure=False)
    verdict = tables.claims(CLEAR, history(0.5), unsure).set_index("claim")["verdict"]["C2"]
    assert verdict == (
        "same order with the seeds at hand: T HEX above Hyena in every seed; Hyena above GPT-2 in every seed"
    )
    sentence = findings(CLEAR, unsure)[0][0]
    assert "T HEX-2 reaches 0.800, above Hyena and GPT-2 in every seed (at most 0.500)" in sentence


def test_a_claim_shows_the_papers_numbers_beside_ours():
    row = claims(CLEAR).loc["C2"]
    assert (row["paper_gpt2"], row["paper_hyena"], row["paper_thex"]) == (0.249, 0.492, 0.738)
    assert (row["ours_gpt2"], row["ours_hyena"], row["ours_thex"]) == (0.2, 0.5, 0.8)


def test_a_ceiling_and_a_gap_between_training_and_test_are_said():
    high = board(gpt2=(0.99, 0.98, 1.0, 5.0), hyena=(1.0, 1.0, 1.0, 5.0), thex_2=(1.0, 1.0, 1.0, 5.0))
    assert claims(high)["verdict"]["C2"].endswith("at the ceiling")
    assert found(high)[0][0].endswith("all architectures reach 0.990 or more, the ceiling.")
    top = board(gpt2=(1.0, 1.0, 1.0, 5.0), hyena=(1.0, 1.0, 1.0, 5.0), thex_2=(1.0, 1.0, 1.0, 5.0))
    assert found(top)[0][0].endswith("all architectures reach 1.000, the ceiling.")
    longer = pd.concat([CLEAR, CLEAR.assign(split="longer", exact_match=CLEAR["exact_match"] / 2)])
    verdicts = [claims(longer, loss)["verdict"]["C5"] for loss in (0.5, 0.001)]
    assert verdicts[0].startswith("not testable")
    assert "3 of 3 pairs" in verdicts[1]
    assert "falls to 0.10 on another split (multi_language · longer, GPT-2)" in verdicts[1]


def test_findings_name_the_leader_the_rivals_and_the_stuck():
    (clear, nothing), (equal, _) = found(CLEAR)[0], found(EQUAL)[0]
    assert "T HEX-2 reaches 0.800, ahead of all others (next Hyena, 0.500)" in clear
    assert "GPT-2 no better than the strongest baseline (0.200)" in clear
    assert "T HEX-2 gets halfway first, after 200 steps, Hyena last, after 300" in clear
    assert "no architecture is told apart from it" in equal
    assert nothing == []


def test_extra_splits_have_findings_of_their_own():
    longer = pd.concat([CLEAR, CLEAR.assign(split="longer", exact_match=0.1, low=0.05, high=0.15)])
    assert found(longer)[0][1] == ["<i>longer</i>: no architecture is better than the strongest baseline (0.200)."]


def test_halfway_is_counted_from_the_baseline_and_is_the_median_of_the_seeds():
    scored = pd.DataFrame([{"variant": "v", "split": "test", "baseline": 0.4}])
    curves = {
        ("a", 1): [0, 0.5, 0.75, 0.8],
        ("a", 2): [0, 0.1, 0.2, 0.75],
        ("b", 1): [0.4, 0.4, 0.4, 0.5],
        ("b", 2): [0, 0, 0.6, 0.6],
        ("b", 3): [0, 0, 0, 0],
    }
    learned = pd.DataFrame(
        [
            {"variant": "v", "split": "valid", "architecture": a, "seed": s, "step": 10 * i, "exact_match": em}
            for (a, s), values in curves.items()
            for i, em in enumerate(values)
        ]
    )
    steps = tables.steps_to_halfway(scored, learned)  # the goal is (0.4 + 0.8) / 2
    assert steps["v", "a"] == pytest.approx(25)
    assert steps["v", "b"] == math.inf


def test_labels_keep_their_order_and_distance():
    places = spread(pd.Series({"a": 0.99, "b": 0.98, "c": 0.1, "d": 1.0}), gap=0.05, high=1.0)
    assert list(places.index) == ["c", "b", "a", "d"]
    assert places["d"] <= 1.0
    assert places.diff().dropna().min() >= 0.05 - 1e-9


def test_the_best_pure_stack_is_chosen_on_valid_and_compared_with():
    rng = np.random.default_rng(1)
    outcomes = {
        name: Outcomes(rng.binomial(4, skill, (3, 200)).astype(float), np.full(200, 4))
        for name, skill in (("gpt2", 0.3), ("hyena", 0.5), ("thex-2", 0.8), ("thex-1", 0.5))
    }
    answered = {("v", "test"): outcomes}
    shared = dict.fromkeys(tables.SHARED, 0) | dict.fromkeys(tables.MEANS, 1.0) | {"baseline": 0.2}
    scored = pd.DataFrame(
        [{"variant": "v", "split": "test", "architecture": a, "seed": s} | shared for a in outcomes for s in (1, 2, 3)]
    )
    learned = pd.DataFrame(
        [
            {"variant": "v", "architecture": a, "seed": s, "step": step, "split": "valid", "exact_match": em}
            for a, ends in (("gpt2", 0.9), ("hyena", 0.5), ("thex-2", 0.8), ("thex-1", 0.5))
            for s in (1, 2, 3)
            for step, em in ((0, 1.0 - ends), (9, ends))
        ]
    )
    compared = tables.comparisons(answered)
    board = tables.leaderboard(answered, scored, learned, compared).set_index("architecture")
    assert set(board["pure"]) == {"gpt2"}  # best at the end on valid, although not on test
    assert board.loc["thex-2", "over_pure"] == pytest.approx(0.5, abs=0.05)
    assert board.loc["thex-2", "p_over_pure"] < 0.01
    assert pd.isna(board.loc["gpt2", "p_over_pure"])
    assert list(board["best"]) == [False, False, True, False]
    pair = compared.set_index(["architecture", "other"])
    assert pair.loc[("hyena", "thex-1"), "p_corrected"] > 0.05
    assert pair.loc[("hyena", "gpt2"), "difference"] == -pair.loc[("gpt2", "hyena"), "difference"]
    assert (pair["p_corrected"] >= pair["p"]).all()
