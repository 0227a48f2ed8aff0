"""Whatever name the schema allows, `check` and Snakemake agree on it: what is accepted can be planned to the end."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from conftest import study_data
from lolameme.study import config
from lolameme.study.sections import ConfigError
from project import Project

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
LONG = st.from_regex(r"[a-z0-9][a-z0-9_-]{59}", fullmatch=True)
TAKEN = {"train", "valid", "test", "results", "reports"}
TRICKY = [
    "train-like",
    "train_2",
    "valid-",
    "test1",
    "world1",
    "seed1",
    "data",
    "all",
    "null",
    "true",
    "0",
    "1e5",
    "a--b",
]
LINES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="<"), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


def named(name: str, variants: list[str], splits: list[str], language: str, lines: list[str]) -> dict:
    """A study whose names are given: as many variants as splits, each with one."""
    data = study_data(study=name, seeds=[1], architectures=["gpt2", "hyena"])
    recall = data["variants"]["recall"] | {"sizes": {"train": 50, "valid": 5, "test": 5}}
    data["languages"] = {language: data["languages"]["lola"]}
    recall["program"] = recall["program"] | {"languages": {language: 1}}
    data["variants"] = {
        variant: recall | {"about": line, "splits": {split: {"queries": [1, 1]}}}
        for variant, split, line in zip(variants, splits, lines, strict=True)
    }
    data["contrasts"] = [{"name": lines[0], "above": ["gpt2"], "below": ["hyena"]}]
    return data


SOME = st.lists(NAMES | LONG, min_size=13, max_size=13, unique=True)


@settings(
    max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(NAMES | LONG, SOME, SOME, NAMES | LONG, st.lists(LINES, min_size=13, max_size=13))
@example(
    "all",
    TRICKY,
    TRICKY,
    "train",
    ["values {x}", "{", "}}", "{wildcards.seed}", "%s", "$x", *["'quoted' \"twice\""] * 7],
)
def test_what_check_accepts_snakemake_can_plan(project, name, variants, splits, language, lines):
    variants, splits = ([f"{each}-1" if each in TAKEN else each for each in names] for names in (variants, splits))
    data = named(name, variants, splits, language, lines)
    (project.folder / "config.yaml").write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    check = subprocess.run(
        [Path(sys.executable).parent / "lolameme", "check"], cwd=project.folder, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stderr
    planned = project.planned()
    assert planned["held_out"] == 3 * len(variants)
    assert planned["train"] == planned["evaluate"] == 2 * len(variants)


@pytest.mark.parametrize("taken", ["results", "reports"])
def test_the_folders_of_all_studies_are_no_names_of_variants(taken):
    with pytest.raises(ConfigError, match=f"variants: '{taken}' names the folder of all studies"):
        config.parse(named("mini", [taken], ["longer"], "lola", ["about"]))


def test_names_that_make_the_name_of_a_file_too_long_are_refused():
    data = named("mini", ["v" * 60], ["longer"], "lola", ["about"])
    data["model"]["layers"] = 20
    data["architectures"] = [".".join(["short-gate"] * 14 + ["attention"] * 6)]
    with pytest.raises(ConfigError, match="its name makes names of files of 303 characters, and most disks allow 255"):
        config.parse(data)


def test_names_of_files_carry_those_of_trials_too():
    """The names that cells give to files are just short enough; that of a trial is longer than `seed1`."""
    data = named("mini", ["v"], ["longer"], "lola", ["about"]) | {"contrasts": []}
    data["model"]["layers"] = 20
    stack = ".".join(["short-gate"] * 14 + ["attention"] * 6)
    data["architectures"] = [stack]
    most = 255 - len(f".--{stack}--seed1.json.part")
    data["variants"] = {"v" * most: data["variants"]["v"]}
    config.parse(data | {"tuning": None})
    trial = "lr0.00125-wd0.1"
    with pytest.raises(ConfigError, match=f"names of files of {255 - len('seed1') + len(trial)} characters"):
        config.parse(data)
