"""A configuration that cannot be read is refused in the same words wherever it is given."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from project import Project
from snakemake_executor_plugin_slurm_packs.arguments import refuse_unreadable


@pytest.mark.parametrize(
    "content",
    [
        b"training: {steps: 010}\n", b"study: a\nstudy: b\n", b"a: \xff\n", b"a: [\n",
        b"a:\n\tb: 1\n", b"a: 1\n---\nb: 2\n",
    ],
)  # fmt: skip
def test_snakemake_and_check_refuse_in_the_same_words(tmp_path, content):
    project = Project(tmp_path)
    (tmp_path / "config.yaml").write_bytes(content)
    check = [Path(sys.executable).parent / "lolameme", "check"]
    said = subprocess.run(check, capture_output=True, text=True, cwd=tmp_path).stderr.strip()
    assert said.startswith("lolameme: config.yaml, line ")
    for given in ((), ("--configfile", "config.yaml")):  # which Snakemake itself reads before the Snakefile
        planned = project.run("--dry-run", *given, ok=False)
        assert said.removeprefix("lolameme: ") in planned
        assert "Traceback" not in planned


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (["studies/none.yaml"], "No such file or directory; there are: config.yaml, studies/"),
        (["studies"], "Is a directory; there are: config.yaml, studies/"),
        (["config.yaml", "results/mini/none"], "if this is what to make: config.yaml -- results/mini/none"),
    ],
)
def test_a_configuration_that_is_not_there_is_said_in_a_sentence(tmp_path, given, advice):
    said = Project(tmp_path).run("--dry-run", "--configfile", *given, ok=False)
    assert f"{given[-1]}: " in said
    assert advice in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "given", [["--config", "seeds=[1]"], ["--configfile", "config.yaml", "--config", "a=1", "--", "b"]]
)
def test_what_is_no_file_of_a_configuration_is_left_to_snakemake(monkeypatch, given):
    monkeypatch.chdir(ROOT)
    refuse_unreadable(["/usr/bin/snakemake", "--cores", "1", *given])
    refuse_unreadable(["pytest", "--configfile", "none"])  # another program's
