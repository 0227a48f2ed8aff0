"""A study whose variants do not all train the same architectures, from data to the page."""

import pandas as pd

from conftest import study_data
from lolameme.base.files import read_frame
from project import Project

STACKS = ["gpt2", "hyena", "thex-1", "thex-2", "thex-2@5"]


def sparse() -> dict:
    data = study_data(
        architectures=STACKS,
        contrasts=[{"name": "later above first", "above": ["thex-2"], "below": ["thex-1"], "variants": ["recall"]}],
        claims={"C1": ["facts"], "C4": ["recall", "facts"]},
        analyses={"scores": None, "filters": None, "patching": {"prompts": 16}},
    )
    data["variants"]["facts"]["architectures"] = ["gpt2", "thex-?"]
    return data


def test_every_table_has_the_cells_that_are_declared_and_no_others(tmp_path):
    project = Project(tmp_path, sparse())
    project.run()
    tables = tmp_path / "results/mini/tables"
    cells = read_frame(tables / "cells.parquet")
    trained = cells.groupby("variant")["architecture"].unique().map(list).to_dict()
    assert trained == {"recall": STACKS, "facts": ["gpt2", "thex-1", "thex-2"]}
    assert len(list((tmp_path / "results/mini/cells").glob("*/*/*/metrics.json"))) == 2 * (5 + 3)
    tuned = read_frame(tables / "tuning.parquet").groupby("variant")["architecture"].unique().map(sorted).to_dict()
    assert tuned == {"recall": ["gpt2", "hyena", "thex-2"], "facts": ["gpt2", "thex-2"]}
    predicted = read_frame(tmp_path / "results/mini/predictions.parquet")
    assert set(predicted.loc[predicted["variant"] == "facts", "architecture"]) == {"gpt2", "thex-1", "thex-2"}
    found = read_frame(tables / "contrasts.parquet")
    # C1 would compare Hyena, which is not trained on facts, with GPT-2 and T HEX: no test is planned of it
    assert list(zip(found["name"], found["variants"], strict=True)) == [
        ("later above first", "recall"),
        ("place of the attention layer by task", "recall, facts"),
    ]
    places = read_frame(tables / "places.parquet")
    assert pd.crosstab(places["variant"], places["place"]).to_numpy().tolist() == [[1, 1], [1, 1]]
    scores = read_frame(tables / "scores.parquet")
    assert set(scores.loc[scores["variant"] == "facts", "architecture"]) <= {"gpt2", "thex-1", "thex-2"}
    page = (tmp_path / "reports/mini/index.html").read_text()
    assert "not every stack on every task: 16 cells" in page
    assert project.planned() == {}
