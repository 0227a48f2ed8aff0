"""What the columns say is what the interpreter finds in the text."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import EVERYTHING, RECALL, study
from lolameme.base.files import read_json, write_table
from lolameme.data.dataset import Builder
from lolameme.data.oracle import oracle
from lolameme.data.tokenizer import load_tokenizer
from lolameme.tasks.interpreter import interpreter

pytestmark = pytest.mark.slow

SIZES = {"train": 60, "valid": 10, "test": 30}
VARIANTS = {
    "everything": EVERYTHING,
    "recall": RECALL | {"program": RECALL["program"] | {"queries": [6, 6]}},
    "listops": {"about": "lists", "task": "listops", "sizes": SIZES},
    "depo": {"about": "cycles", "task": "depo", "sizes": SIZES, "world": {"nodes": 12}},
    "mqar": {"about": "pairs", "task": "mqar", "sizes": SIZES, "world": {"keys": 9, "values": 9}},
}
ASKED = VARIANTS["mqar"] | {"answers": "asked", "tokenizer": {"kind": "piece"}}


@pytest.mark.parametrize("kind", ["bpe", "piece", "char"])
@pytest.mark.parametrize("name", VARIANTS)
def test_columns_are_what_the_interpreter_finds(tmp_path, name, kind):
    made = study(variants={"v": VARIANTS[name] | {"tokenizer": {"kind": kind, "vocabulary": 400}}})
    Builder(made, "v").write(tmp_path)
    solver = interpreter(read_json(tmp_path / "world.json"))
    for split in made.variants["v"].programs():
        assert oracle(tmp_path / f"{split}.parquet", solver, load_tokenizer(tmp_path)) == 1


@pytest.mark.parametrize("pairs", [[1, 6], [3, 3]])
@pytest.mark.parametrize("words", [6, 9, 4000])
def test_columns_are_what_the_interpreter_finds_where_answers_are_not_written(tmp_path, words, pairs):
    """With few words, fillers read as pairs and as queries, and keys come again."""
    world = {"keys": words, "values": words, "fillers": 2}
    made = study(variants={"v": ASKED | {"world": world, "program": {"pairs": pairs, "length": 40}}})
    Builder(made, "v").write(tmp_path)
    solver = interpreter(read_json(tmp_path / "world.json"))
    for split in ("train", "test"):
        assert oracle(tmp_path / f"{split}.parquet", solver, load_tokenizer(tmp_path)) == 1
    repeated = pq.read_table(tmp_path / "train.parquet")["asked_before"].combine_chunks().flatten().to_pylist()
    assert any(repeated) == (words < 4000)


@pytest.mark.parametrize("variant", ["mqar", "asked"])
def test_an_answer_that_is_not_what_is_to_be_said_stops_the_study(tmp_path, variant):
    """The word that stands there, or the target: that of another query of the program."""
    Builder(study(variants={"v": (VARIANTS | {"asked": ASKED})[variant]}), "v").write(tmp_path)
    path, name = tmp_path / "test.parquet", "target" if variant == "asked" else "text"
    table = pq.read_table(path)
    row = table.to_pylist()[0]
    if variant == "asked":
        changed = row["target"][::-1]
    else:
        (a, b), (c, d) = [list(zip(row["answer_start"], row["answer_end"], strict=True))[i] for i in (0, -1)]
        text = row["text"]
        changed = text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]
    column = pa.array([changed, *table[name].to_pylist()[1:]], table.schema.field(name).type)
    write_table(path, table.set_column(table.schema.get_field_index(name), name, column))
    with pytest.raises(RuntimeError, match="is given as the answer, the file says"):
        oracle(path, interpreter(read_json(tmp_path / "world.json")), load_tokenizer(tmp_path))


@pytest.mark.parametrize("column", ["query_start", "name_stop", "value_start", "distance", "token_distance", "nearest"])
def test_a_column_that_is_wrong_stops_the_study(tmp_path, column):
    made = study(variants={"v": RECALL})
    Builder(made, "v").write(tmp_path)
    path = tmp_path / "test.parquet"
    table = pq.read_table(path)
    wrong = pa.array(
        [[entry + 1 for entry in row] for row in table[column].to_pylist()], table.schema.field(column).type
    )
    write_table(path, table.set_column(table.schema.get_field_index(column), column, wrong))
    with pytest.raises(RuntimeError, match=re.escape("the interpreter finds")):
        oracle(path, interpreter(read_json(tmp_path / "world.json")), load_tokenizer(tmp_path))


def test_what_is_tested_is_asked_once_where_there_is_something_new_to_ask(tmp_path):
    recall = RECALL | {"program": {"assignments": [3, 5], "queries": [4, 4]}}
    Builder(study(variants={"v": recall}), "v").write(tmp_path)
    for row in pq.read_table(tmp_path / "test.parquet").to_pylist():
        assert sum(row["asked_before"]) == max(0, 4 - row["assignments"][0]), row["text"]
    train = pq.read_table(tmp_path / "train.parquet")["asked_before"].combine_chunks().flatten().to_pylist()
    assert 0.2 < sum(train) / len(train) < 0.6
