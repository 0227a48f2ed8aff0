"""A mixer is one file: dropped into a copy of the package, it trains, decodes and is drawn; nothing else names it."""

import shutil
import subprocess
import sys

import yaml

from conftest import ROOT, study_data

MIXER = '''
"""The mean of the past."""

import torch
from torch import Tensor, nn

from lolameme.models.mixer import Mixer
from lolameme.study.settings import Model


class RunningMean(Mixer):
    """y_t is the mean of z_s over s <= t."""

    def __init__(self, model: Model):
        super().__init__()
        self.in_proj = nn.Linear(model.d_model, model.d_model, bias=False)
        self.out_proj = nn.Linear(model.d_model, model.d_model, bias=False)

    def mix(self, z: Tensor) -> Tensor:
        return z.cumsum(1) / torch.arange(1, z.shape[1] + 1)[:, None]

    def influence(self, z: Tensor) -> Tensor:
        B, L, _ = z.shape
        return (torch.ones(L, L).tril() / torch.arange(1, L + 1)[:, None]).expand(B, 1, L, L)

    def step(self, x: Tensor, state):
        total, seen = state or (0, 0)
        total, seen = total + self.in_proj(x), seen + 1
        return self.out_proj(total / seen), (total, seen)

    @staticmethod
    def flops(model: Model, length: int, batch: int) -> float:
        return 4 * model.d_model**2 + 2 * model.d_model
'''
USE = """
import sys
from pathlib import Path
import torch
from lolameme.data.dataset import Builder
from lolameme.drawing import style
from lolameme.learning.cell import train_cell
from lolameme.learning.decoding import greedy
from lolameme.learning.evaluation import load_cell
from lolameme.reporting import framework
from lolameme.study import config
from lolameme.study.architectures import label
from lolameme.study.cell import Cell

study = config.load("study.yaml")
Builder(study, "recall").write(Path("data"))
cell = Cell("recall", "running-mean", 1)
train_cell(study, cell, study.training_of("recall"), Path("data"), Path("cell"), 1, lambda progress: None)
model, facts = load_cell(Path("cell"))
print(facts["mixers"], facts["parameters"] == sum(p.numel() for p in model.parameters()))
tokens = torch.tensor([[3, 1, 2, 5]])
states = None
for t in range(4):
    logits, states = model.step(tokens[:, t], states, t)
print(torch.allclose(logits, model(tokens)[:, -1], atol=1e-5))
print(label("running-mean"), "|", label("hyena.running-mean"))
style.save(framework.stacks(study), Path("stacks"))
print(style.colours(list(study.stacks)).keys() == style.markers(list(study.stacks)).keys())
"""


def test_a_new_file_is_a_mixer(tmp_path):
    shutil.copytree(ROOT / "workflow/lolameme", tmp_path / "lolameme", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "lolameme/models/mixers/running_mean.py").write_text(MIXER)
    (tmp_path / "study.yaml").write_text(
        yaml.safe_dump(study_data(architectures=["gpt2", "running-mean", "hyena.running-mean"]))
    )
    (tmp_path / "use.py").write_text(USE)
    command = [sys.executable, "use.py"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "['running-mean', 'running-mean'] True",
        "True",
        "Running mean | Hyena+Running mean",
        "True",
    ], done.stderr
    assert (tmp_path / "stacks.svg").exists()
