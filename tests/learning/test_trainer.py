"""Real trainings on real data: reproducible to the bit, batches and rates as declared."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import study, study_data
from lolameme.base import tensors
from lolameme.data.dataset import Builder
from lolameme.learning import snapshots, trainer
from lolameme.learning.batches import BatchSampler, Split
from lolameme.learning.cell import train_cell
from lolameme.learning.device import Device
from lolameme.learning.trainer import Progress, learning_rate_at
from lolameme.models import stack
from lolameme.runtime import progress
from lolameme.study import config
from lolameme.study.cell import Cell
from lolameme.study.settings import Training


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    Builder(study(), "recall").write(folder)
    return folder


def train(made: config.Study, data: Path, folder: Path, name: str = "thex-2") -> Path:
    training = made.training_of("recall", name)
    train_cell(made, Cell("recall", name, 1), training, data, folder, 1, lambda progress: None)
    return folder


def test_the_same_seed_trains_the_same_bits(data, tmp_path):
    one, two = (train(study(), data, tmp_path / name) for name in ("one", "two"))
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
    other = tmp_path / "other"
    again = Cell("recall", "thex-2", 2)
    train_cell(study(), again, study().training_of("recall"), data, other, 1, lambda progress: None)
    assert (one / "model.safetensors").read_bytes() != (other / "model.safetensors").read_bytes()


def test_a_snapshot_is_what_training_had_come_to_by_then_and_changes_nothing(data, tmp_path):
    """Dropout draws from the random state, which a snapshot must not touch; the rate is constant, so that a shorter
    training takes the same steps."""
    model = study_data()["model"] | {"dropout": 0.1}
    constant = {"batch": 16, "learning_rate": 5e-3, "warmup": 0, "final_rate": 1}
    folders = {
        (steps, kept): train(
            study(model=model, training=constant | {"steps": steps, "snapshots": kept}),
            data,
            tmp_path / f"{steps}{kept}",
        )
        for steps, kept in ((8, (0, 5)), (8, ()), (5, ()))
    }
    weights = {key: tensors.load(folder / "model.safetensors")[0] for key, folder in folders.items()}
    found = snapshots.read(folders[8, (0, 5)])
    assert list(found) == [0, 5]
    for name, tensor in weights[8, ()].items():
        assert torch.equal(tensor, weights[8, (0, 5)][name])
        assert torch.equal(found[5][name], weights[5, ()][name])
    assert any(not torch.equal(found[0][name], found[5][name]) for name in found[0])
    assert not (folders[8, ()] / snapshots.FILE).exists()


def test_a_variant_without_snapshots_leaves_an_empty_file_where_the_study_keeps_some(data, tmp_path):
    made = study_data(training={"steps": 4, "batch": 16, "learning_rate": 5e-3, "snapshots": [2]})
    made["variants"]["recall"] = made["variants"]["recall"] | {"training": {"snapshots": []}}
    assert snapshots.read(train(config.parse(made), data, tmp_path)) == {}


def test_the_half_precision_of_gpus_trains_on_a_cpu_too(data, tmp_path):
    made = study(training={"steps": 30, "batch": 16, "learning_rate": 5e-3, "precision": "bfloat16"})
    folder = train(made, data, tmp_path)
    assert json.loads((folder / "model.json").read_text())["precision"] == "bfloat16"
    history = pd.read_parquet(folder / "history.parquet").query("split == 'valid'")
    assert history["loss"].iloc[-1] < 0.8 * history["loss"].iloc[0]


def test_the_loss_on_all_tokens_learns_the_others_too(data, tmp_path):
    settings = {"steps": 30, "batch": 16, "learning_rate": 5e-3}
    folders = {
        loss: train(study(training=settings | {"loss": loss}), data, tmp_path / loss) for loss in ("answers", "all")
    }
    histories = {loss: pd.read_parquet(folder / "history.parquet") for loss, folder in folders.items()}
    assert histories["answers"]["other_loss"].isna().all()
    other = histories["all"].query("split == 'valid'")["other_loss"]
    assert other.iloc[-1] < 0.8 * other.iloc[0]


def test_a_cell_that_needs_a_gpu_says_so_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="device is 'cuda', but torch sees no GPU here"):
        Device.choose("cuda")


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_that_only_emulates_bfloat16_trains_in_float32(monkeypatch, native):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation)
    assert Device.choose().bfloat16 == native
    assert Device.choose(precision="bfloat16").bfloat16


def test_another_cells_checkpoint_is_ignored(data, tmp_path):
    folder = train(study(), data, tmp_path / "plain")
    tensors.save(tmp_path / "strange" / "checkpoint.safetensors", {}, identity="another cell", step=5)
    strange = train(study(), data, tmp_path / "strange")
    assert (folder / "model.safetensors").read_bytes() == (strange / "model.safetensors").read_bytes()


def test_a_damaged_checkpoint_is_said_and_training_begins_anew(data, tmp_path, capsys):
    path = tmp_path / "damaged; a folder of any name/checkpoint.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"not a checkpoint")
    damaged = train(study(), data, path.parent)
    said = capsys.readouterr().err
    assert re.search(rf"^{re.escape(str(path))} is damaged \(.+\); training begins anew\n", said, re.M)
    plain = train(study(), data, tmp_path / "plain")
    assert (damaged / "model.safetensors").read_bytes() == (plain / "model.safetensors").read_bytes()
    assert not (damaged / "checkpoint.safetensors").exists()


def test_divergence_is_said_in_a_sentence(data, tmp_path):
    made = study(training={"steps": 4, "batch": 16, "learning_rate": 0.5})
    splits = {name: Split.read(data / f"{name}.parquet") for name in ("train", "valid")}
    model = stack.build("hyena", made.model, 1024, seed=1)
    torch.nn.init.constant_(model.norm.weight, float("inf"))
    with pytest.raises(
        FloatingPointError, match=r"the loss is nan at step 0: .* lower training\.learning_rate \(0\.5\)"
    ):
        trainer.train(
            model, made.training, splits, 1, Device.choose("cpu"), tmp_path / "checkpoint.safetensors", "cell"
        )


def test_the_learning_rate_warms_up_and_falls_to_its_end():
    training = Training(steps=100, warmup=0.1, learning_rate=1.0, final_rate=0.2)
    rates = [learning_rate_at(training, step) for step in range(101)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.6)
    assert rates[100] == pytest.approx(0.2)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_every_epoch_visits_every_program_and_order_depends_on_seed_and_step_alone():
    order = BatchSampler(64, 16, seed=3)
    epochs = [np.sort(np.concatenate([order[4 * e + i] for i in range(4)])) for e in range(3)]
    assert all(np.array_equal(e, np.arange(64)) for e in epochs)
    later = BatchSampler(64, 16, seed=3)
    assert np.array_equal(order[9], later[9])
    assert not np.array_equal(order[9], BatchSampler(64, 16, seed=4)[9])


def test_batches_ask_for_answers_and_their_end_signs_alone(data):
    split = Split.read(data / "train.parquet")
    batch = split.batch(np.arange(len(split)))
    tokenizer = json.loads((data / "tokenizer.json").read_text())["model"]["vocab"]
    text = {i: t for t, i in tokenizer.items()}
    targets = [text[i] for i in batch.targets.tolist()]
    assert set(targets) == {*"0123456789", ";"}
    assert targets[1::2] == [";"] * (len(targets) // 2)
    assert batch.answers.all()
    assert (batch.tokens[batch.layout.wanted + 1] == batch.targets).all()
    whole = split.batch(np.arange(len(split)), all_tokens=True)
    assert len(whole.targets) == split.lengths.sum() - len(split)
    assert whole.answers.sum() == len(targets)


def test_programs_stand_side_by_side_for_models_that_know_no_layout(data):
    split = Split.read(data / "train.parquet")
    batch = split.batch(np.arange(20))
    tokens = batch.side_by_side()
    assert tokens.shape == (20, split.lengths[:20].max())
    for row, start, stop in zip(tokens, split.offsets[:-1], split.offsets[1:], strict=False):
        program = torch.from_numpy(split.flat[start:stop].astype(np.int64))
        assert torch.equal(row[: len(program)], program)
        assert not row[len(program) :].any()
    model = stack.build("thex-2", study().model, int(split.flat.max()) + 1, seed=1).eval()
    packed, padded = model.hidden(batch.tokens, batch.layout), model.hidden(tokens)
    torch.testing.assert_close(batch.layout.unpad(padded), packed)


def test_progress_tells_what_is_left(tmp_path):
    plan = {"a/gpt2/seed1": 100, "a/gpt2/seed2": 100, "b/gpt2/lr0.1-wd0.1": 50}
    progress.start(tmp_path / "progress", plan, ["knockout", "probes", "scores"], tmp_path / "analyses")
    for made in ("scores/a/gpt2/seed1", "scores/a/gpt2/seed9", "filters/a/gpt2/seed1"):  # the study asks for the first
        (tmp_path / f"analyses/{made}.parquet").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"analyses/{made}.parquet").touch()
    said = []
    watch = progress.Reporter("a/gpt2/seed1", tmp_path / "progress", said.append)
    watch(Progress(50, 100, 0.5, 0.25, 1000.0, 10.0))
    found = progress.overview(tmp_path / "progress")
    assert (found.done, found.cells, found.tried, found.trials, found.analysed, found.analyses) == (0, 2, 0, 1, 1, 6)
    assert str(found) == "trials 0/1, cells 0/2, analyses 1/6, about 0:40 of training left"
    assert found.seconds_left == pytest.approx(0.2 * (50 + 100 + 50))
    assert "step    50/100" in said[0]
    assert "0:10 left" in said[0]
    watch(Progress(100, 100, 0.1, 1.0, 1000.0, 20.0))
    assert progress.overview(tmp_path / "progress").done == 1


@pytest.mark.parametrize("damage", [None, "", "{", "[]"])
def test_a_training_goes_on_without_the_plan_of_its_study(tmp_path, damage):
    """Whatever happened to it: a line without the rest of the study, and no error."""
    progress.start(tmp_path, {"a/gpt2/seed1": 100})
    (tmp_path / "plan.json").unlink() if damage is None else (tmp_path / "plan.json").write_text(damage)
    said = []
    progress.Reporter("a/gpt2/seed1", tmp_path, said.append)(Progress(50, 100, 0.5, 0.25, 1000.0, 10.0))
    (line,) = said
    assert line.startswith("a/gpt2/seed1")
    assert line.endswith("0:10 left")


def test_a_split_that_the_model_cannot_read_is_refused_before_training(data, tmp_path):
    settings = study_data()
    settings["model"]["length"] = 20
    with pytest.raises(ValueError, match=r"variants\.recall: split \w+ has a program of \d+ tokens, but model\.length"):
        train(config.parse(settings), data, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_trained_does_not_depend_on_the_splits_to_test_on(data, tmp_path):
    """A longer test split changes no weight: length is a setting of the model."""
    settings = study_data()
    settings["variants"]["recall"]["splits"] = {"longer": {"assignments": [6, 8]}}
    made = config.parse(settings)
    Builder(made, "recall").write(tmp_path / "data")
    one, two = train(study(), data, tmp_path / "one"), train(made, tmp_path / "data", tmp_path / "two")
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
