"""Two cells, or two studies, side by side."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lolameme.base.files import write_frame, write_json
from lolameme.reporting import compare, side_by_side


def cell(folder: Path, architecture: str, seed: int, skill: float, data: str = "d1", rate: float = 1e-3) -> None:
    """A cell as evaluation leaves it: 80 programs of 4 queries, answered with some skill."""
    path = folder / "cells" / "recall" / architecture / f"seed{seed}"
    path.mkdir(parents=True)
    rng = np.random.default_rng([seed, *architecture.encode()])
    rows = {"split": "test", "program": np.repeat(np.arange(80), 4), "exact_match": rng.random(320) < skill}
    write_frame(path / "predictions.parquet", pd.DataFrame(rows))
    identity = {"variant": "recall", "architecture": architecture, "data": f"{data} of world {seed}", "seed": seed}
    floors = {"baselines": {"chance": 0.1, "majority": 0.1, "value_share": 0.3, "floor": 0.3}}
    write_json(path / "metrics.json", identity | {"splits": {"test": floors}})
    facts = identity | {"parameters": 5, "training": {"learning_rate": rate, "steps": 10}, "tokens": seed}
    write_json(path / "model.json", facts)


@pytest.fixture
def studies(tmp_path) -> tuple[Path, Path]:
    for seed in (1, 2, 3):
        for architecture, before, after in (("gpt2", 0.5, 0.5), ("hyena", 0.7, 0.9)):
            cell(tmp_path / "before", architecture, seed, before)
            cell(tmp_path / "after", architecture, seed, after, rate=2e-3)
        cell(tmp_path / "after", "thex-2", seed, 0.9)
    return tmp_path / "before", tmp_path / "after"


def test_two_studies_differ_where_they_differ(studies):
    found = compare.compare(*studies)
    rows = found.results.set_index("architecture")
    assert rows.loc["hyena", "verdict"] == compare.HIGHER
    assert rows.loc["gpt2", "verdict"] == "undecided (too few seeds to find any difference)"
    assert rows.loc["hyena", "low"] < rows.loc["hyena", "difference"] < rows.loc["hyena", "high"]
    assert found.only == ([], ["recall/thex-2"])
    assert found.settings.to_dict("records") == [
        {"setting": "training.learning_rate", "first": "0.001", "second": "0.001, 0.002"}
    ]


def test_two_cells_may_have_different_architectures_and_then_nothing_is_claimed(studies):
    paths = [studies[1] / "cells/recall" / name / "seed1" for name in ("gpt2", "thex-2")]
    found = compare.compare(*paths)
    assert list(found.results["verdict"]) == ["undecided (too few seeds to find any difference)"]
    assert found.results["difference"].iloc[0] == pytest.approx(0.4, abs=0.06)
    assert set(found.settings["setting"]) == {"architecture", "training.learning_rate"}


def test_where_cells_lock_in_their_number_decides(tmp_path):
    for seed in range(1, 6):
        cell(tmp_path / "before", "hyena", seed, 0.31)
        cell(tmp_path / "after", "hyena", seed, 0.95)
    found = compare.compare(tmp_path / "before", tmp_path / "after").results.iloc[0]
    assert found["verdict"] == compare.HIGHER
    assert found["p"] == pytest.approx(2 / 252)  # Fisher's, five of five against none of five


def test_other_programs_are_not_tested(studies, tmp_path):
    cell(tmp_path / "other", "hyena", 1, 0.9, data="d2")
    found = compare.compare(studies[0], tmp_path / "other")
    assert list(found.results["verdict"]) == [compare.UNTESTED]
    assert "data" in set(found.settings["setting"])


def test_seeds_that_one_side_lacks_are_left_out(studies, tmp_path):
    cell(studies[1], "hyena", 4, 0.1)
    rows = compare.compare(*studies).results.set_index("architecture")
    assert rows.loc["hyena", "verdict"] == compare.HIGHER


def test_what_is_no_cell_and_no_study_is_named(studies, monkeypatch):
    monkeypatch.chdir(studies[0].parent)
    (studies[0].parent / "results").mkdir()
    studies[0].rename(studies[0].parent / "results/before")
    assert compare.folder("before") == Path("results/before")
    with pytest.raises(
        ValueError, match=r"'nothing' is neither a trained cell nor a study .*; studies here: results/before"
    ):
        compare.folder("nothing")


def test_the_page_shows_both(studies):
    page = side_by_side.render(["before", "after"], compare.compare(*studies))
    assert page.count("<svg") == 1
    assert "Only in after: recall/thex-2." in page
    assert "training.learning_rate" in page
    assert "B is higher" in page
    assert "undecided (too few seeds" in page
