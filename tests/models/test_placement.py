"""All that a training step and decoding touch lies on the model's device; no GPU is needed to see it."""

import json
import subprocess
import sys

import pytest
import torch

from conftest import ROOT
from lolameme.study.architectures import PURE

NAMES = (*PURE, "thex-2", "xeht-1", "hyena@5-1")
LEFT = "hyena-left"  # its decay window lies on the CPU
no_cuda = pytest.mark.skipif(torch.version.cuda is None, reason="this build of torch knows no CUDA tensors")


@pytest.mark.parametrize("device", ["standin", pytest.param("cuda", marks=no_cuda)])
def test_every_stack_trains_and_decodes_on_one_device_and_a_tensor_left_behind_is_found(device):
    """In a process of its own: another device is for good."""
    command = [sys.executable, ROOT / "tests/models/placement.py", device, *NAMES, LEFT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "at least two devices" in found.pop(LEFT)
    assert found == dict.fromkeys(NAMES, "")
