"""One forward pass scores what greedy decoding would answer."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from conftest import EVERYTHING, study
from lolameme.data.dataset import Builder
from lolameme.data.tokenizer import load_tokenizer
from lolameme.learning.batches import Split
from lolameme.learning.device import Device
from lolameme.learning.evaluation import prediction_rows, until
from lolameme.learning.scoring import score, written
from lolameme.models import stack

ASKED = {
    "about": "pairs, answers not written",
    "task": "mqar",
    "answers": "asked",
    "tokenizer": {"kind": "piece"},
    "world": {"keys": 12, "values": 12, "fillers": 1},
    "program": {"pairs": [2, 3], "length": 16},
    "sizes": {"train": 60, "valid": 20, "test": 40},
}


@pytest.fixture(scope="module")
def split(tmp_path_factory) -> Split:
    return drawn_split(tmp_path_factory.mktemp("data"), EVERYTHING)


def drawn_split(folder, variant) -> Split:
    builder = Builder(study(variants={"v": variant}), "v")
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


def test_answers_that_are_not_written_are_targets_alone(tmp_path):
    split, device = drawn_split(tmp_path, ASKED), Device(torch.device("cpu"), False)
    rows = pq.read_table(tmp_path / "test.parquet").to_pylist()
    tokenizer = load_tokenizer(tmp_path)
    programs = np.array([3, 0, 7])
    for every in (False, True):
        batch = split.batch(programs, all_tokens=every)
        targets = iter(batch.targets[batch.answers].tolist())
        for row in (rows[i] for i in programs):
            assert [next(targets) for _ in row["answer"]] == row["target"]
            assert [tokenizer.decode([token]) for token in row["target"]] == row["answer"]
        assert batch.tokens.tolist() == [token for i in programs for token in rows[i]["tokens"]], (
            "inputs are the text's"
        )
        if every:  # all other tokens are predicted as they stand
            places = batch.layout.wanted[~batch.answers]
            assert batch.targets[~batch.answers].tolist() == batch.tokens[places + 1].tolist()
        else:  # from the key that asks
            keys = [tokenizer.id_to_token(token).strip() for token in batch.tokens[batch.layout.wanted].tolist()]
            found = [
                row["text"].split()[start - 1] for row in (rows[i] for i in programs) for start in row["token_start"]
            ]
            assert keys == found
    model = stack.build("thex-2", study().model, tokenizer.get_vocab_size(), seed=4)
    fit(model, split)
    scores, query, right = score(model, split, device), 0, []
    answers = written(model, split, scores, device)
    model.eval()
    with torch.inference_mode():
        for row in rows:
            for start, target in zip(row["token_start"], row["target"], strict=True):
                plain = greedy(model, row["tokens"][:start], 1)
                assert answers[query] == plain[0]
                right.append(plain == [target])
                query += 1
    assert scores.correct.tolist() == right
    assert 0.2 < np.mean(right) < 1
    shown = prediction_rows(tmp_path / "test.parquet", split, scores, answers, tokenizer, ["distance"])
    assert ((shown["predicted"] == shown["answer"]) == shown["exact_match"]).all()


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


def test_programs_are_counted_until_they_ask_enough(split):
    asked = [int(split.queries[:programs].sum()) for programs in range(len(split) + 1)]
    for queries in (1, asked[1], asked[1] + 1, asked[5], asked[-1]):
        enough = split.programs_with(queries)
        assert asked[enough - 1] < queries <= asked[enough]
    assert split.programs_with(asked[-1] + 1) == len(split)


def test_an_answer_is_shown_up_to_its_first_end_sign():
    tokens, offsets = np.array([5, 9, 9, 5, 6, 7, 9, 8], np.uint16), np.array([0, 3, 6, 8])
    assert until(tokens, offsets, np.array([9], np.uint16)) == [[5, 9], [5, 6, 7], [9]]
    assert until(tokens, offsets, np.zeros(0, np.uint16)) == [[5, 9, 9], [5, 6, 7], [9, 8]]
