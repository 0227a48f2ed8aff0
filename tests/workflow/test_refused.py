"""A configuration that cannot be read is refused in the same words wherever it is given."""

import subprocess
import sys
from pathlib import Path

import pytest

from project import Project


@pytest.mark.parametrize("content", [b"training: {steps: 010}\n", b"study: a\nstudy: b\n", b"a: \xff\n", b"a: [\n"])
def test_snakemake_and_check_refuse_in_the_same_words(tmp_path, content):
    project = Project(tmp_path)
    (tmp_path / "config.yaml").write_bytes(content)
    check = [Path(sys.executable).parent / "lolameme", "check"]
    said = subprocess.run(check, capture_output=True, text=True, cwd=tmp_path).stderr.strip()
    assert said.startswith("lolameme: config.yaml, line ")
    planned = project.run("--dry-run", ok=False)
    assert said.removeprefix("lolameme: ") in planned
    assert "Traceback" not in planned
