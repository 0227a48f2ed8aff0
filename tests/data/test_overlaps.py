"""Splits mean what they say: nothing is tested twice, or on valid, or trained in the other order."""

import pyarrow as pa
import pytest

from conftest import RECALL, study
from lolameme.base.files import read_json, read_table, write_table
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


PROMISED = {
    "about": "locals and globals of several kinds",
    "world": {
        "modulus": 10, "stems": 8, "heads": 4, "globals": 8, "operators": ["add"], "types": 2, "irregular": 0.4,
        "unseen_pairs": 0.3, "unseen_names": 0.3,
    },
    "program": {"assignments": [3, 3], "queries": [3, 3], "operands": [1, 2], "global_share": 0.3,
                "languages": {"lola": 1, "meme": 1}},
    "taught_in": {"lola": 1, "meme": 1},
    "sizes": {"train": 200, "valid": 20, "test": 40},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"pairs": "unseen", "operands": [2, 2], "queries": [1, 1]}, "pairs of values that are not unseen"),
        ({"names": "unseen"}, "names that are not unseen"),
        ({"names": "irregular"}, "names that are not irregular"),
        ({"ask": "untaught"}, "globals that are not untaught in their language"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_split_that_breaks_its_settings_stops_the_study(tmp_path, changed, says, turned):
    """Written by one setting and described by another; turned round, the special split is taken for an ordinary one."""
    plain, special = (study(variants={"v": PROMISED | {"splits": {"test": extra}}}) for extra in ({}, changed))
    Builder(special, "v").write(tmp_path / "special")
    card.describe(special, "v", tmp_path / "special")
    if turned and changed == {"names": "irregular"}:  # which training may have, too
        card.describe(plain, "v", tmp_path / "special")
    elif turned:
        with pytest.raises(RuntimeError, match=r"that are not (seen|taught)"):
            card.describe(plain, "v", tmp_path / "special")
    else:
        Builder(plain, "v").write(tmp_path / "plain")
        with pytest.raises(RuntimeError, match=says):
            card.describe(special, "v", tmp_path / "plain")


@pytest.mark.parametrize(
    ("source", "says"), [("test", "programs are there twice"), ("valid", "prompts are in valid, too")]
)
def test_programs_that_a_split_must_not_have_stop_the_study(tmp_path, source, says):
    made = study(variants={"v": PROMISED})
    Builder(made, "v").write(tmp_path)
    test, other = (read_table(tmp_path / f"{split}.parquet") for split in ("test", source))
    write_table(tmp_path / "test.parquet", pa.concat_tables([test, other.slice(0, 1).select(test.column_names)]))
    with pytest.raises(RuntimeError, match=says):
        card.describe(made, "v", tmp_path)


def test_queries_that_ask_again_stop_the_study_unless_they_may_or_must(tmp_path):
    program = RECALL["program"] | {"assignments": [3, 3], "queries": [3, 3]}
    again, once, more = (
        study(variants={"v": RECALL | {"program": program | extra}})
        for extra in ({"repeat": True}, {"repeat": False}, {"queries": [4, 4]})
    )
    assert [made.variants["v"].repeating for made in (again, once, more)] == [(), (), ("test",)]
    for made, folder in ((again, "again"), (more, "more")):
        Builder(made, "v").write(tmp_path / folder)
        card.describe(made, "v", tmp_path / folder)
    with pytest.raises(RuntimeError, match="queries ask again what could be asked once"):
        card.describe(once, "v", tmp_path / "again")
