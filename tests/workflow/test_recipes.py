"""What `docs/extend.md` says about adding things, followed to the letter, up to the page."""

import os
import re
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from conftest import LANGUAGES, ROOT, study_data
from project import Project

BLOCKS = re.findall(r"```(yaml|python)\n(.*?)```", (ROOT / "docs/extend.md").read_text(), re.S)
SIZES = {"train": 100, "valid": 20, "test": 20}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A study of that page's language, variants and analysis, of a new task and a new mixer, run to its end."""
    language, variant, tasks = (yaml.safe_load(text) for kind, text in BLOCKS if kind == "yaml")
    (analysis,) = (text for kind, text in BLOCKS if kind == "python")
    variants = variant["variants"] | tasks | {"hops": {"about": "k steps along a cycle", "task": "steps"}}
    variants = {name: made | {"sizes": SIZES} for name, made in variants.items()}
    variants["chains"]["program"]["languages"] = {"lola": 1, "kiki": 1}
    data = study_data(
        languages=LANGUAGES | language["languages"],
        variants=variants,
        architectures=["gpt2", "turned", "hyena.turned"],
        seeds=[1],
        tuning=None,
        analyses={"norms": {}},
    )
    project = Project(tmp_path_factory.mktemp("recipes"), data)
    package = project.folder / "workflow/lolameme"
    (package / "analyses/norms.py").write_text(analysis)
    mixer = (package / "models/mixers/rotary.py").read_text()
    (package / "models/mixers/turned.py").write_text(mixer.replace('LABEL = "Rotary"', 'LABEL = "Turned"'))
    (package / "tasks/steps").mkdir()
    for part in (package / "tasks/depo").glob("*.py"):
        text = part.read_text().replace("tasks.depo", "tasks.steps").replace('"depo"', '"steps"')
        (package / "tasks/steps" / part.name).write_text(text)
    project.run()
    return project


@pytest.fixture(scope="module")
def leaderboard(project) -> pd.DataFrame:
    return pd.read_parquet(project.folder / "results/mini/tables/leaderboard.parquet")


@pytest.fixture(scope="module")
def page(project) -> str:
    return (project.folder / "reports/mini/index.html").read_text()


def test_the_language_and_the_variants_of_the_guide_are_in_tables_and_page(leaderboard, page):
    assert set(leaderboard["variant"]) == {"chains", "listops", "mqar", "hops"}
    assert {"deeper", "more_pairs"} <= set(leaderboard["split"])
    assert all(name in page for name in ("chains", "listops", "mqar", "kiki"))


def test_a_folder_is_a_task_whose_cells_are_trained_shown_and_can_be_asked(project, leaderboard, page):
    mine = leaderboard[leaderboard["variant"] == "hops"]
    assert set(mine["architecture"]) == {"gpt2", "turned", "hyena.turned"}
    assert (mine["oracle"] == 1).all()  # its interpreter answers as its generator does
    assert "K steps along a cycle" in page
    programs = pd.read_parquet(project.folder / "results/mini/data/hops/world1/test.parquet")
    first = programs.iloc[0]
    command = [sys.executable, "-m", "lolameme.cli", "ask", "results/mini/cells/hops/turned/seed1"]
    command.append(first["text"][: first["answer_start"][0]])
    environment = os.environ | {"PYTHONPATH": str(project.folder / "workflow")}
    asked = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    assert first["answer"][0] in asked.stdout


def test_a_file_is_a_mixer_that_is_trained_alone_and_in_patterns_and_has_its_name_on_the_page(leaderboard, page):
    assert (leaderboard.groupby("variant")["architecture"].nunique() == 3).all()
    assert all(name in page for name in ("Turned", "Hyena+Turned"))


def test_the_analysis_of_the_guide_has_its_table_and_its_section_of_the_page(project, page):
    norms = pd.read_parquet(project.folder / "results/mini/tables/norms.parquet")
    assert list(norms.columns) == ["variant", "architecture", "seed", "layer", "norm"]
    assert len(norms) == 24  # twelve cells of two layers
    assert "How large weights are" in page
    assert f"The largest norm of a layer is {norms['norm'].max():.2f}." in page
