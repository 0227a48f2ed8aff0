"""What a study takes is said before it runs, from operations counted and what this machine does in a second."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import FACTS, ROOT, study, study_data
from lolameme.base.files import read_json
from lolameme.data.dataset import Builder
from lolameme.learning import speed
from lolameme.learning.batches import Split
from lolameme.learning.device import Device
from lolameme.models.cost import flops_per_token, parameter_count
from lolameme.runtime import costing
from lolameme.study import config

pytestmark = pytest.mark.slow

SMALL = {"variants": {"facts": FACTS}, "architectures": ["gpt2"], "contrasts": []}


@pytest.fixture
def steady(monkeypatch):
    """A machine that does 10 GFLOP/s, whatever else it does."""
    monkeypatch.setattr(speed, "operations_per_second", lambda *_: 1e10)


def test_time_is_operations_by_what_the_machine_does_in_a_second(steady, tmp_path):
    made = study(**SMALL)
    found = costing.cost(made)
    Builder(made, "facts").write(tmp_path)
    dataset = read_json(tmp_path / "dataset.json")
    tokens = {split: Split.read(tmp_path / f"{split}.parquet").lengths.sum() for split in dataset["splits"]}
    flops = flops_per_token("gpt2", made.model, dataset["vocabulary"], dataset["splits"]["train"]["longest"], 16)
    trained = 3 * 8 * 16 * tokens["train"] / 20  # 8 steps of 16 programs, forward and twice that backward
    looked = 3 * (tokens["valid"] + tokens["train"])  # before, amid, after; all 20 programs are the sample of train
    assert found.trial_seconds == pytest.approx(4 * flops * (trained + looked) / 1e10)
    assert found.cell_seconds == pytest.approx(2 * flops * (trained + looked + tokens["test"]) / 1e10)
    assert found.weight_bytes == 2 * 4 * parameter_count("gpt2", made.model, dataset["vocabulary"])
    assert (found.cells, found.trials, found.further) == (2, 4, 2)
    assert found.wall_seconds == pytest.approx(
        (found.trial_seconds + found.cell_seconds + found.data_seconds + 0.8 * found.other_jobs) / found.cores
    )


def test_data_take_as_much_for_every_world(steady):
    one, two = (costing.cost(study(**SMALL, **given)) for given in ({"worlds": "one"}, {}))
    assert two.data_bytes == 2 * one.data_bytes
    assert one.jobs["world"] * 2 == two.jobs["world"] == 2


def test_weights_that_do_not_stay_count_only_while_they_are_there(steady, monkeypatch):
    monkeypatch.setattr(costing.bounded, "processors", lambda: 1)  # one training at a time
    snapshots = {"training": study_data()["training"] | {"snapshots": [2, 4]}}
    every, first, none = (costing.cost(study(weights=kept, **SMALL, **snapshots)) for kept in (None, [1], []))
    assert every.weight_bytes == 2 * first.weight_bytes > none.weight_bytes == 0
    one = first.weight_bytes  # of a cell with both snapshots, three times its weights
    assert every.passing_bytes == pytest.approx(one * (3 + 2) / 3)  # a checkpoint, with AdamW's two means
    assert first.passing_bytes == none.passing_bytes == pytest.approx(every.passing_bytes + one)
    assert (every.jobs["train"], first.jobs["train"], none.jobs["train"]) == (2, 1, 0)
    assert every.cells == first.cells == none.cells == 2
    assert every.jobs.total() == first.jobs.total() == none.jobs.total()


def test_a_gpu_that_is_not_here_is_assumed_by_name(monkeypatch):
    monkeypatch.setattr(costing, "_has_gpu", lambda: False)
    found = costing.cost(study(device="cuda", **SMALL))
    assert (found.measured, found.gpu, found.rates) == (False, True, [costing.ASSUMED])


RECORDS = sorted((ROOT / "benchmarks").glob("*/cost.json"))


@pytest.mark.parametrize("path", RECORDS, ids=[path.parent.name for path in RECORDS])
def test_trainings_took_what_was_said_of_them(monkeypatch, path):
    """Within a factor of two, by speeds measured on the machine that then trained the cells (benchmarks/cost.py)."""
    record = json.loads(path.read_text())
    rates = iter(record["rates"])
    monkeypatch.setattr(speed, "operations_per_second", lambda *_: next(rates))
    found = costing.cost(config.parse(record["config"]))
    assert 0.5 < found.cell_seconds / record["taken"] < 2


def test_the_largest_study_keeps_at_most_50_gb_of_weights(monkeypatch):
    monkeypatch.setattr(speed, "operations_per_second", lambda *_: 1e12)
    assert 1e9 < costing.cost(config.load(ROOT / "studies/paper.yaml")).weight_bytes <= 50e9


def test_other_jobs_take_what_those_of_the_default_study_took():
    """On two cores of an Intel Xeon (2026-11-29): 500 analyses, 100 evaluations, 15 data cards, 20 figures."""
    taken = {"analyse": 310, "evaluate": 93, "card": 43, "figure": 28}  # seconds of a processor
    jobs = {"analyse": 500, "evaluate": 100, "card": 15, "figure": 20}
    assert 0.5 < costing.JOB * sum(jobs.values()) / sum(taken.values()) < 2


def test_a_rate_is_that_of_real_steps(tmp_path):
    made = study(**SMALL)
    Builder(made, "facts").write(tmp_path)
    vocabulary = read_json(tmp_path / "dataset.json")["vocabulary"]
    flops = flops_per_token("gpt2", made.model, vocabulary, 8)
    training, device = made.training_of("facts", "gpt2"), Device.choose("cpu")
    given = "gpt2", made.model, vocabulary, training, flops, tmp_path / "train.parquet", device
    assert 1e6 < speed.operations_per_second(*given) < 1e13


def test_the_command_says_it_in_eighty_columns(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(study_data(**SMALL)))
    command = [Path(sys.executable).parent / "lolameme", "cost"]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True).stdout
    assert max(map(len, said.splitlines())) <= 80
    assert re.search(r"trials +4 ", said)
    assert re.search(r"cells +2 ", said)
    assert re.search(r"in all: +\d+ jobs, \d+ s on the \d+ cores of this machine", said)
    assert "up to 2 trials beyond the edges" in said
    assert not (tmp_path / "results").exists()
