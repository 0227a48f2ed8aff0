"""`make gpu` at sizes for a processor: all of it runs, what is unequal is said, and it goes on where it was."""

import re
import shutil
import subprocess
import sys

import pytest
import torch

from conftest import ROOT
from project import Project

pytestmark = pytest.mark.slow

BROKEN = '''
"""Attention that is one percent too large where it is not computed in float64."""

import torch

from lolameme.models.mixers.attention import Attention


class Broken(Attention):
    def mix(self, z):
        return super().mix(z) * (1 if z.dtype == torch.float64 else 1.01)
'''


def gpu(folder, *arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, folder / "benchmarks/gpu.py", folder / "measured", *arguments]
    environment = {"PYTHONPATH": str(folder / "workflow"), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_it_measures_all_finds_a_broken_mixer_and_goes_on_where_it_was(tmp_path):
    Project(tmp_path)
    (tmp_path / "benchmarks").mkdir()
    for file in (ROOT / "benchmarks").glob("*.py"):
        shutil.copy(file, tmp_path / "benchmarks")
    (tmp_path / "workflow/lolameme/models/mixers/broken.py").write_text(BROKEN)
    done = gpu(tmp_path, "--device", "cpu")
    assert done.stderr.splitlines()[-1:] == ["Equality: broken, float32 is unequal"], done.stdout + done.stderr
    assert done.returncode == 1
    (page,) = (file.read_text() for file in (tmp_path / "benchmarks").glob("*/gpu.md"))
    parts = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    rows = {
        title: [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")][2:]
        for title, part in parts.items()
    }
    verdicts = {row[0]: row[-1] for row in rows["Equality"]}
    assert {what for what, verdict in verdicts.items() if verdict == "UNEQUAL"} == {"broken, float32"}
    assert {"attention, bfloat16", "hyena, float32", "kernel SDPA, float32"} <= set(verdicts)
    assert all(row[-1] == "equal" for row in rows["A short training"])
    assert all(row[-2] != "fails" and float(row[6]) > 0 for row in rows["Training steps"]), rows["Training steps"]
    assert [row[0] for row in rows["Length"]] == ["64", "128"]
    assert [row[0] for row in rows["Side by side"]] == ["1", "2"]
    stacks = [f"{stack}, quick, 2" for stack in ("gpt2", "hyena", "thex-2")]
    assert [row[0] for row in rows["Seeds in one model"]] == stacks
    assert all(float(row[-1]) < 1e-4 for row in rows["Seeds in one model"])  # by which gradients differ
    assert "failed" not in page
    assert "Not measured yet" not in page
    assert rows["A study"][0][:3] == ["cpu", "float32", "sdpa"]
    assert all(int(number) > 0 for number in rows["A study"][0][4:7])

    shutil.rmtree(next((tmp_path / "measured").glob("*/*/length")))
    again = gpu(tmp_path, "--device", "cpu")
    assert {line.partition(":")[0] for line in again.stdout.splitlines() if ": " in line} == {"Length"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_says_so_and_what_to_do():
    done = subprocess.run([sys.executable, ROOT / "benchmarks/gpu.py"], capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(r"torch \S+ sees no CUDA GPU here; .*make gpu DEVICE=cpu\n", done.stderr), done.stderr
