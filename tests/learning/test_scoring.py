"""One forward pass scores what greedy decoding would answer."""

import numpy as np
import pytest
import torch

from conftest import EVERYTHING, study
from lolameme.data.dataset import Builder
from lolameme.learning.batches import Split
from lolameme.learning.device import Device
from lolameme.learning.scoring import score, written
from lolameme.models import stack


@pytest.fixture(scope="module")
def split(tmp_path_factory) -> Split:
    folder = tmp_path_factory.mktemp("data")
    builder = Builder(study(variants={"v": EVERYTHING}), "v")
    builder.write_world(folder)
    builder.write_split("valid", folder)
    builder.write_split("test", folder)
    return Split.read(folder / "test.parquet")


def greedy(model, prompt: list[int], count: int) -> list[int]:
    """Token by token: the plainest decoding there is."""
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(int(model(torch.tensor([tokens]))[0, -1].argmax()))
    return tokens[len(prompt) :]


@pytest.mark.parametrize("name", ["gpt2", "hyena", "thex-2"])
def test_teacher_forced_exact_match_equals_greedy_decoding(split, name):
    made = study()
    model = stack.build(name, made.model, int(split.flat.max()) + 1, seed=4)
    fit(model, split)  # so that some answers are right and some are wrong
    scores = score(model, split, Device(torch.device("cpu"), False))
    model.eval()
    decoded, answers, query = [], written(model, split, scores, Device(torch.device("cpu"), False)), 0
    model.eval()
    with torch.inference_mode():
        for program in range(len(split)):
            tokens = split.flat[split.offsets[program] : split.offsets[program + 1]].tolist()
            for _ in range(split.queries[program]):
                begin, stop = split.begin[query], split.stop[query]
                plain = greedy(model, tokens[:begin], stop - begin)
                decoded.append(plain == tokens[begin:stop])
                assert answers[scores.offsets[query] : scores.offsets[query + 1]].tolist() == plain
                query += 1
    assert scores.correct.tolist() == decoded
    assert 0.1 < np.mean(decoded) < 0.99


def fit(model, split) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    device = Device(torch.device("cpu"), False)
    while score(model, split, device).correct.mean() < 0.3:
        _, losses = device.losses(model, split.batch(np.arange(len(split))))
        optimiser.zero_grad()
        losses.mean().backward()
        optimiser.step()


def test_scores_do_not_depend_on_the_batch(split):
    model = stack.build("thex-1", study().model, int(split.flat.max()) + 1, seed=4)
    one, many = (
        score(model, split, Device(torch.device("cpu"), False), batch=b, others=o) for b, o in ((1, True), (64, False))
    )
    np.testing.assert_array_equal(one.correct, many.correct)
    np.testing.assert_allclose(one.loss, many.loss, rtol=1e-4)
    assert np.isfinite(one.other_loss)
    assert np.isnan(many.other_loss)
