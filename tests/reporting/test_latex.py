"""Tables for papers: valid booktabs, escaped names, bold where all seeds lock in."""

import math

import pandas as pd

from lolameme.reporting import latex


def leaderboard() -> pd.DataFrame:
    rows = [("in_context", "test", "gpt2", 0.4, 1, math.inf), ("in_context", "test", "thex-2", 0.9, 3, 100.0)]
    return pd.DataFrame(
        [
            {
                "variant": variant, "split": split, "architecture": name, "exact_match": em, "low": em - 0.1,
                "high": em + 0.05, "seeds": 3, "locked": locked, "steps_to_half": steps, "steps": 1000,
            }
            for variant, split, name, em, locked, steps in rows
        ]
    )  # fmt: skip


def test_the_leaderboard_is_a_booktabs_table_with_what_locks_in_in_bold():
    text = latex.leaderboard(leaderboard(), "Exact match: 95 % intervals", "leaderboard")
    assert "\\toprule" in text
    assert "\\caption{Exact match: 95 \\% intervals}" in text
    assert "\\label{tab:leaderboard}" in text
    assert "variant & split & GPT-2 & T HEX-2 \\\\" in text
    assert "in\\_context & test & 0.40 {\\scriptsize [0.30, 0.45] 1/3} & " in text
    assert "& \\textbf{0.90 {\\scriptsize [0.80, 0.95] 3/3}} \\\\" in text


def test_the_learning_order_marks_the_first():
    assert "$> 1000$ & \\textbf{100}" in latex.learning_order(leaderboard(), "Steps", "learning_order")


def test_special_characters_are_harmless():
    assert latex.escaped("50 % of a_b & c·d #1") == "50 \\% of a\\_b \\& c$\\cdot$d \\#1"
    claims = pd.DataFrame(
        [
            {
                "claim": "C1", "about": "x_y", "variant": None, "verdict": "same order", "why": "100 %",
                **{f"{who}_{family}": None for who in ("paper", "ours") for family in ("gpt2", "hyena", "thex")},
            }
        ]
    )  # fmt: skip
    assert "C1 & x\\_y & -- & -- & -- & same order & 100 \\% \\\\" in latex.claims(claims, "Claims", "claims")
