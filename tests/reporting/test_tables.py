"""Sentences and verdicts follow from the numbers, with words that respect the intervals."""

import math

import pandas as pd
import pytest

from lolameme.reporting import tables
from lolameme.reporting.figures import spread
from lolameme.reporting.page import findings


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


def test_a_claim_is_reproduced_only_where_intervals_do_not_overlap():
    clear, equal = (tables.claims(b, history(0.5)).set_index("claim")["verdict"] for b in (CLEAR, EQUAL))
    assert clear["C2"] == "same order: T HEX ahead of Hyena; Hyena ahead of GPT-2"
    assert equal["C2"].startswith("no order: T HEX not told apart from Hyena")
    part = board(gpt2=(0.2, 0.15, 0.25, 5.0), hyena=(0.5, 0.2, 0.8, 5.0), thex_2=(0.6, 0.5, 0.7, 5.0))
    other = board(gpt2=(0.6, 0.5, 0.7, 5.0), hyena=(0.2, 0.15, 0.25, 5.0), thex_2=(0.8, 0.75, 0.85, 5.0))
    verdict = {name: tables.claims(b, history(0.5)).set_index("claim")["verdict"]["C2"] for name, b in
               (("part", part), ("other", other))}  # fmt: skip
    assert verdict["part"] == (
        "same order in part: T HEX not told apart from Hyena; Hyena not told apart from GPT-2; T HEX ahead of GPT-2"
    )
    assert verdict["other"].startswith("another order: T HEX ahead of Hyena; Hyena behind GPT-2")
    assert clear["C1"] == "not tested in this study"
    assert clear["C4"] == "not testable: one position only"


def test_a_claim_shows_the_papers_numbers_beside_ours():
    row = tables.claims(CLEAR, history(0.5)).set_index("claim").loc["C2"]
    assert (row["paper_gpt2"], row["paper_hyena"], row["paper_thex"]) == (0.249, 0.492, 0.738)
    assert (row["ours_gpt2"], row["ours_hyena"], row["ours_thex"]) == (0.2, 0.5, 0.8)


def test_a_ceiling_and_a_gap_between_training_and_test_are_said():
    high = board(gpt2=(0.99, 0.98, 1.0, 5.0), hyena=(1.0, 1.0, 1.0, 5.0), thex_2=(1.0, 1.0, 1.0, 5.0))
    assert tables.claims(high, history(0.5)).set_index("claim")["verdict"]["C2"].endswith("at the ceiling")
    assert findings(high)[0][0].endswith("all architectures reach 0.990 or more, the ceiling.")
    top = board(gpt2=(1.0, 1.0, 1.0, 5.0), hyena=(1.0, 1.0, 1.0, 5.0), thex_2=(1.0, 1.0, 1.0, 5.0))
    assert findings(top)[0][0].endswith("all architectures reach 1.000, the ceiling.")
    longer = pd.concat([CLEAR, CLEAR.assign(split="longer", exact_match=CLEAR["exact_match"] / 2)])
    verdicts = [tables.claims(longer, history(loss)).set_index("claim")["verdict"]["C5"] for loss in (0.5, 0.001)]
    assert verdicts[0].startswith("not testable")
    assert "3 of 3 pairs" in verdicts[1]
    assert "falls to 0.10 on another split (multi_language · longer, GPT-2)" in verdicts[1]


def test_findings_name_the_leader_the_rivals_and_the_stuck():
    (clear, nothing), (equal, _) = findings(CLEAR)[0], findings(EQUAL)[0]
    assert "T HEX-2 reaches 0.800, ahead of all others (next Hyena, 0.500)" in clear
    assert "GPT-2 no better than the strongest baseline (0.200)" in clear
    assert "T HEX-2 gets halfway first, after 200 steps, Hyena last, after 300" in clear
    assert "the intervals of all architectures overlap with its own" in equal
    assert nothing == []


def test_extra_splits_have_findings_of_their_own():
    longer = pd.concat([CLEAR, CLEAR.assign(split="longer", exact_match=0.1, low=0.05, high=0.15)])
    assert findings(longer)[0][1] == ["<i>longer</i>: no architecture is better than the strongest baseline (0.200)."]


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
    found = tables.steps_to_halfway(scored, learned)  # the goal is (0.4 + 0.8) / 2
    assert found["v", "a"] == pytest.approx(25)
    assert found["v", "b"] == math.inf


def test_labels_keep_their_order_and_distance():
    places = spread(pd.Series({"a": 0.99, "b": 0.98, "c": 0.1, "d": 1.0}), gap=0.05, high=1.0)
    assert list(places.index) == ["c", "b", "a", "d"]
    assert places["d"] <= 1.0
    assert places.diff().dropna().min() >= 0.05 - 1e-9
