"""Files have the columns that are declared and explained."""

import pyarrow.parquet as pq

from conftest import RECALL, study
from lolameme.base.files import read_frame, read_json, write_json
from lolameme.data import card
from lolameme.data.dataset import Builder
from lolameme.learning import columns
from lolameme.learning.cell import train_cell
from lolameme.learning.evaluation import evaluate_cell
from lolameme.study.cell import Cell
from lolameme.tasks.columns import columns_of, sliced


def test_cells_leave_the_declared_columns(tmp_path):
    made, data, cell = study(variants={"v": RECALL}), tmp_path / "data", Cell("v", "thex-2", 1)
    Builder(made, "v").write(data)
    write_json(data / "card.json", card.describe(made, "v", data))
    folder = tmp_path / "cell"
    train_cell(made, cell, made.training, data, folder, 1, lambda progress: None)
    evaluate_cell(made, cell, data, folder, 1)
    predictions = read_frame(folder / "predictions.parquet")
    kept = sliced("lolameme")
    assert list(predictions) == [*columns.PREDICTIONS, "answer", *kept]
    for name, column in columns.PREDICTIONS.items():
        assert str(pq.read_schema(folder / "predictions.parquet").field(name).type).removeprefix("large_") in (
            column.type, column.type.replace("float64", "double")
        ), name  # fmt: skip
    assert set(read_frame(folder / "history.parquet")) == set(columns.HISTORY)
    test = read_json(folder / "metrics.json")["splits"]["test"]
    assert set(test["slices"]) <= set(kept)
    assert set(kept) <= set(columns_of("lolameme"))
    right = predictions[predictions["exact_match"]]
    assert (right["predicted"] == right["answer"] + ";").all()
