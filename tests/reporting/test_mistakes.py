"""Wrong answers are told apart by where their value stands."""

import pandas as pd
import pytest

from lolameme.base.files import write_frame
from lolameme.reporting.mistakes import ABSENT, NOTHING, PRESENT, RIGHT, kind, values_before


def test_values_are_those_before_the_answer_and_not_the_answer_itself(tmp_path):
    text = "ab = 12; cd = 7; ab -> 12; cd -> 9;"
    write_frame(tmp_path / "test.parquet", pd.DataFrame([{"id": 3, "text": text, "answer_start": [23, 33]}]))
    assert values_before(tmp_path / "test.parquet", frozenset()) == {(3, 0): {"12", "7"}, (3, 1): {"12", "7"}}


@pytest.mark.parametrize(
    ("predicted", "right", "found"),
    [
        ("12;", True, RIGHT),
        ("7;", False, PRESENT),
        ("5;", False, ABSENT),
        ("1;", False, ABSENT),
        ("ab;", False, NOTHING),
    ],
)
def test_a_wrong_answer_is_another_value_of_the_program_or_one_from_elsewhere_or_none(predicted, right, found):
    assert kind(predicted, right, frozenset({"12", "7"})) == found


def test_where_answers_are_words_these_are_the_values(tmp_path):
    """As in associative recall: keys are no values, though they stand in the program."""
    words = frozenset({"rul", "mon", "tif"})
    row = {"id": 0, "text": "ka rul be mon 3 ka rul", "answer_start": [19]}
    write_frame(tmp_path / "test.parquet", pd.DataFrame([row]))
    (before,) = values_before(tmp_path / "test.parquet", words).values()
    assert before == {"rul", "mon"}
    assert [kind(said, False, before, words) for said in ("mon", "tif", "be", "3")] == [
        PRESENT,
        ABSENT,
        NOTHING,
        NOTHING,
    ]
