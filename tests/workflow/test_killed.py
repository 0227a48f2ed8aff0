"""A training that was killed ends with the bits of one that was not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from conftest import study_data
from lolameme.base import tensors
from lolameme.base.files import Damaged
from lolameme.data.dataset import Builder
from lolameme.learning import snapshots
from lolameme.learning.cell import train_cell
from lolameme.runtime import progress
from lolameme.study import config
from lolameme.study.cell import Cell

CHILD = """
import sys, yaml
from pathlib import Path
from lolameme.study import config
from lolameme.study.cell import Cell
from lolameme.learning import trainer
from lolameme.learning.cell import train_cell
from lolameme.runtime.progress import Reporter
trainer._SAVE_EVERY = 0.0
study = config.load(sys.argv[1])
folder = Path(sys.argv[3])
cell, reporter = Cell("recall", sys.argv[4], 1), Reporter("recall/x/seed1", folder)
train_cell(study, cell, study.training_of("recall", sys.argv[4]), Path(sys.argv[2]), folder, 1, reporter)
"""


def step_of(path: Path) -> int:
    try:
        return tensors.load(path)[1]["step"]
    except (FileNotFoundError, Damaged):  # safetensors opens a file twice: it may have been replaced between
        return -1


@pytest.mark.parametrize("name", ["gpt2", "hyena"])
def test_a_killed_training_ends_with_the_same_bits(tmp_path, name):
    """kill -9 at several moments, with dropout so that the random state matters, then run to the end.

    Snapshots fall before the first kill, between the two, and after them.
    """
    settings = study_data(training={"steps": 300, "batch": 16, "evaluate_every": 100, "snapshots": [0, 10, 70, 290]})
    settings["model"] |= {"dropout": 0.1, "attention_dropout": 0.1}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(settings))
    made, data = config.load(path), tmp_path / "data"
    Builder(made, "recall").write(data)
    (tmp_path / "killed").mkdir()
    progress.start(tmp_path / "killed", {"recall/x/seed1": 300})
    (tmp_path / "child.py").write_text(CHILD)
    command = [sys.executable, str(tmp_path / "child.py"), str(path), str(data), str(tmp_path / "killed"), name]
    checkpoint_file, kills = tmp_path / "killed" / "checkpoint.safetensors", 0
    for goal in (20, 120):
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        while process.poll() is None and step_of(checkpoint_file) < goal:
            time.sleep(0.01)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate()
    assert kills == 2
    assert step_of(checkpoint_file) < 300
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    straight, training = tmp_path / "straight", made.training_of("recall", name)
    train_cell(made, Cell("recall", name, 1), training, data, straight, 1, lambda progress: None)
    for file in ("model.safetensors", "snapshots.safetensors"):
        assert (tmp_path / "killed" / file).read_bytes() == (straight / file).read_bytes()
    assert list(snapshots.read(straight)) == [0, 10, 70, 290]
    assert not checkpoint_file.exists()
    histories = [
        pd.read_parquet(f / "history.parquet").drop(columns=["seconds", "tokens_per_second"])
        for f in (tmp_path / "killed", straight)
    ]
    pd.testing.assert_frame_equal(*histories)
