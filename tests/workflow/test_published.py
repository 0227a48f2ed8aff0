"""What is published can be checked: numbers follow from the cells beside them, and compare reads both sides."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import ROOT
from lolameme.base.files import read_frame, read_json
from lolameme.reporting import compare, published
from lolameme.reporting.claims import claims
from lolameme.reporting.contrasts import best_places, contrasts
from lolameme.reporting.tables import answers
from lolameme.study import config
from lolameme.study.paths import PUBLISHED

STUDIES = sorted(path.parent for path in (ROOT / "published").glob(f"*/{PUBLISHED}"))


@pytest.fixture
def made(finished, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(finished.folder)
    return published.publish(config.load("config.yaml"), Path("config.yaml"), tmp_path / "published")


def follow(folder: Path) -> None:
    """Exact match of a published study is what its cells' answers give; contrasts and claims follow from it."""
    study = config.load(folder / "config.yaml")
    found, table = {}, read_frame(folder / "tables/cells.parquet")
    by_cell = table.set_index(["variant", "split", "architecture", "seed"])["exact_match"]
    for cell in compare.cells(folder):
        metrics = read_json(cell / "metrics.json")
        for split, (hits, queries) in answers(cell).items():
            assert metrics["splits"][split]["exact_match"] == pytest.approx(hits.sum() / queries.sum())
            key = metrics["variant"], split, metrics["architecture"]
            assert by_cell[*key, metrics["seed"]] == pytest.approx(hits.sum() / queries.sum())
            found.setdefault(key, []).append(hits.sum() / queries.sum())
    assert len(compare.cells(folder)) == len(study.cells)
    leaderboard = read_frame(folder / "tables/leaderboard.parquet").set_index(["variant", "split", "architecture"])
    assert set(leaderboard.index) == set(found)
    for key, values in found.items():
        assert leaderboard["exact_match"][key] == pytest.approx(np.mean(values))
        assert leaderboard["seeds"][key] == len(values)
    ordered, places = contrasts(study, table), best_places(study, table)
    paper = claims(study, leaderboard.reset_index(), read_frame(folder / "tables/learning.parquet"), ordered, places)
    for name, again in (("contrasts", ordered), ("claims", paper)):
        kept = read_frame(folder / f"tables/{name}.parquet")
        pd.testing.assert_frame_equal(*(made.astype(object).where(made.notna(), None) for made in (again, kept)))


def test_a_study_is_published_without_weights_and_compares_as_the_same(made):
    follow(made)
    assert not list(made.rglob("*.safetensors"))
    assert read_json(made / PUBLISHED)["cells"] == len(compare.cells(made))
    found = compare.compare(made, Path("results/mini"))
    assert found.settings.empty
    assert found.only == ([], [])
    assert (found.results["difference"] == 0).all()


def test_an_unfinished_study_is_not_published(finished, tmp_path, monkeypatch):
    study = config.load(finished.folder / "config.yaml")
    shutil.copytree(finished.folder / "results/mini/tables", tmp_path / "results/mini/tables")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"reports/mini/index\.html does not exist"):
        published.publish(study, Path("config.yaml"), tmp_path)
    assert not (tmp_path / "mini").exists()


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_published_numbers_follow_from_the_published_cells(folder):
    follow(folder)
