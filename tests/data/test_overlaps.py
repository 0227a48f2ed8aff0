"""Splits mean what they say: nothing is tested twice, or on valid, or trained in the other order."""

import pytest

from conftest import RECALL, study
from lolameme.base.files import read_json, read_table
from lolameme.data import card
from lolameme.data.dataset import Builder
from lolameme.tasks.interpreter import interpreter


def described(folder, variant: dict) -> dict:
    made = study(variants={"v": variant})
    Builder(made, "v").write(folder)
    return card.describe(made, "v", folder)


FACTS = {
    "about": "expressions over facts",
    "world": {"modulus": 10, "stems": 4, "heads": 4, "globals": 16, "operators": ["max", "sub"]},
    "program": {"global_share": 1, "operands": [2, 2]},
    "sizes": {"train": 2000, "valid": 40, "test": 60},
}


def test_expressions_that_commute_are_held_out_in_either_order(tmp_path):
    found = described(tmp_path, FACTS)
    solver = interpreter(read_json(tmp_path / "world.json"))
    asked = {
        split: {s.meaning for text in read_table(tmp_path / f"{split}.parquet")["text"].to_pylist()
                for s in solver.statements(text)}
        for split in ("train", "valid", "test")
    }  # fmt: skip
    maximum, difference = ({m for m in asked["test"] if m[0] == (operator,)} for operator in (0, 1))
    turned = {(operators, operands[::-1]) for operators, operands in asked["train"]}
    assert maximum.isdisjoint(asked["train"] | turned)
    assert difference.isdisjoint(asked["train"])
    assert difference & turned  # a - b says nothing of b - a
    shares = found["splits"]["test"]["overlaps"]["expressions"]
    seen = len(difference & turned) / 60
    assert shares["same_operators"] == pytest.approx(seen)
    assert shares["same_operands"] > 0.9  # with the other operator


def test_what_is_tested_is_there_once_and_not_in_valid(tmp_path):
    found = described(tmp_path, FACTS)
    for split in ("valid", "test"):
        assert (found["splits"][split]["overlaps"]["twice"], found["splits"][split]["overlaps"]["in_valid"]) == (0, 0)


def test_the_card_tells_what_is_measured(tmp_path):
    mixed = RECALL | {
        "world": {"modulus": 10, "stems": 6, "heads": 6, "globals": 12},
        "program": {"assignments": [4, 4], "global_share": 0.5, "computed": 0.6, "chain_depth": 3, "queries": [2, 2]},
        "sizes": {"train": 100, "valid": 20, "test": 300},
    }
    found = described(tmp_path, mixed)
    shared = found["splits"]["test"]["overlaps"]
    assert shared["from_weights"] == pytest.approx(0.5, abs=0.08)
    assert 0.4 < shared["computed"] <= 0.65
    assert shared["asked_before"] == 0
    assert "| test | 0.000 | 0 | 0 |" in card.markdown(found)
