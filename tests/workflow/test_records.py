"""Without Snakemake's records, every file that was made with other settings is found, whatever the setting is of."""

import copy
import shutil
from pathlib import Path

import pytest
import yaml

from conftest import study_data
from lolameme.runtime import records
from lolameme.study import config


@pytest.fixture
def found(finished, tmp_path, monkeypatch):
    """A function: what is said of a finished study, without records, after one setting has changed."""
    project = finished.copy(tmp_path / "project")
    monkeypatch.chdir(project.folder)
    data = yaml.safe_load((project.folder / "config.yaml").read_text())

    def said(keys: tuple[str, ...] = (), value: object = None) -> str | None:
        shutil.rmtree(".snakemake", ignore_errors=True)
        changed = place = copy.deepcopy(data)
        for key in keys[:-1]:
            place = place[key]
        if keys:
            place[keys[-1]] = value
        return records.strangers(config.parse(changed))

    return said


def test_with_the_same_settings_all_is_taken_as_it_is(found):
    assert found() is None


@pytest.mark.parametrize(
    ("keys", "value", "difference", "advice"),
    [
        (("training", "steps"), 9, "training.steps was 8, the study has 9", "results/mini/cells"),
        (
            ("variants", "facts", "program", "global_share"), 1.0, None, None,  # as it is
        ),
        (
            ("variants", "recall", "sizes", "train"), 300, "variant.sizes.train was 200, the study has 300",
            "results/mini/data/recall",
        ),
        (
            ("languages", "kiki", "end"), "!", "languages.kiki.end was ., the study has !", "results/mini/data/facts",
        ),
        (("contrasts",), [], None, "reports/mini results/mini/tables"),
    ],
)  # fmt: skip
def test_other_settings_are_named_with_all_that_has_to_go(found, keys, value, difference, advice):
    said = found(keys, value)
    if advice is None:
        assert said is None
        return
    assert difference is None or f"was made with other settings ({difference})" in said
    assert said.endswith(" and run the same command again")
    assert advice in said


def test_tables_of_other_cells_are_found_without_a_page(found):
    shutil.rmtree("reports")
    assert found() is None
    said = found(("seeds",), [1])
    assert said.startswith("results/mini/tables was made of other cells than the study has")
    assert "delete results/mini/tables and run the same command again" in said


def test_what_snakemake_knows_is_left_to_it(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    assert records.strangers(config.parse(study_data(training={"steps": 9}))) is None
    assert records.known(Path("results/mini/cells/recall/gpt2/seed1/model.json"))
    assert not records.known(Path("results/mini/cells/recall/gpt2/seed9/model.json"))
