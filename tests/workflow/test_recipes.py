"""What `docs/extend.md` says about adding things, followed to the letter, up to the page."""

import re

import pandas as pd
import pytest
import yaml

from conftest import LANGUAGES, ROOT, study_data
from project import Project

BLOCKS = re.findall(r"```(yaml|python)\n(.*?)```", (ROOT / "docs/extend.md").read_text(), re.S)
SIZES = {"train": 100, "valid": 20, "test": 20}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A study of the language, the variants and the analysis of that page, run to its end."""
    language, variant, tasks = (yaml.safe_load(text) for kind, text in BLOCKS if kind == "yaml")
    (analysis,) = (text for kind, text in BLOCKS if kind == "python")
    variants = {name: made | {"sizes": SIZES} for name, made in (variant["variants"] | tasks).items()}
    variants["chains"]["program"]["languages"] = {"lola": 1, "kiki": 1}
    languages = LANGUAGES | language["languages"]
    data = study_data(languages=languages, variants=variants, architectures=["gpt2"], seeds=[1], analyses={"norms": {}})
    project = Project(tmp_path_factory.mktemp("recipes"), data)
    (project.folder / "workflow/lolameme/analyses/norms.py").write_text(analysis)
    project.run()
    return project


def test_the_language_and_the_variants_of_the_page_are_in_tables_and_page(project):
    board = pd.read_parquet(project.folder / "results/mini/tables/leaderboard.parquet")
    assert set(board["variant"]) == {"chains", "listops", "mqar"}
    assert {"deeper", "more_pairs"} <= set(board["split"])
    page = (project.folder / "reports/mini/index.html").read_text()
    assert all(name in page for name in ("chains", "listops", "mqar", "kiki"))


def test_the_analysis_of_the_page_has_its_table_and_its_section_of_the_page(project):
    norms = pd.read_parquet(project.folder / "results/mini/tables/norms.parquet")
    assert list(norms.columns) == ["variant", "architecture", "seed", "layer", "norm"]
    assert len(norms) == 6  # three cells of two layers
    page = (project.folder / "reports/mini/index.html").read_text()
    assert "How large weights are" in page
    assert f"The largest norm of a layer is {norms['norm'].max():.2f}." in page
