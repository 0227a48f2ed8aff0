"""Artefact x damage x consumer: whatever is done to a file, whoever reads it says so, with the remedy, and uses none of
it; and whoever follows the advice has a finished study in the end."""

import json
import os
import re
import subprocess
import sys

import pytest

from conftest import ROOT

COPIES = (".csv", ".png")  # for people; nothing is computed from them


@pytest.fixture(scope="module")
def tried(finished, tmp_path_factory) -> list[dict]:
    """What every rule's script did with each kind of input, cut off, with turned bits, or another's in its place."""
    project = finished.copy(tmp_path_factory.mktemp("damage") / "project")
    environment = os.environ | {"PYTHONPATH": str(project.folder / "workflow")}
    command = [sys.executable, str(ROOT / "tests/workflow/consumers.py")]
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_rule_and_every_kind_of_damage_is_tried(tried):
    scripts = {path.stem for path in (ROOT / "workflow/scripts").glob("*.py")}
    assert {case["rule"] for case in tried} == scripts - {"world", "database"} - {"analyse", "pool"}  # no inputs; none
    assert {case["how"] for case in tried} == {"cut", "another's", "turned"}
    assert len(tried) > 100


UNREAD = {  # declared for their date alone, or read only where a run or a training is new
    "evaluate": ("history.parquet",),
    "choose": ("dataset.json", "train.parquet", "valid.parquet"),
    "page": (".tex",),
    "track": ("dataset.json",),
}


def test_what_reads_a_damaged_file_says_so_and_uses_nothing_of_it(tried):
    wrong = []
    for case in tried:
        sentence = rf"{re.escape(case['input'])} is damaged \(.*\); delete it and run the same command again"
        refused = case["status"] == 1 and re.search(sentence, case["said"]) and not case["changed"]
        unread = case["status"] == 0 and case["input"].endswith((*UNREAD.get(case["rule"], ()), *COPIES))
        if not (refused or unread):
            wrong.append(case)
    assert not wrong, json.dumps(wrong, indent=1)
