"""Asking a cell: the prompt is read as in training, and the answer is what greedy decoding writes."""

import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer

from conftest import EVERYTHING, RECALL, study
from lolameme.base.files import read_json
from lolameme.data.dataset import Builder
from lolameme.learning.ask import ask, prompt_tokens
from lolameme.learning.cell import train_cell
from lolameme.learning.decoding import greedy
from lolameme.learning.evaluation import load_cell
from lolameme.study.cell import Cell
from lolameme.tasks.interpreter import interpreter

SIZES = {"train": 100, "valid": 10, "test": 30}
VARIANTS = {
    "everything": EVERYTHING,
    "recall": RECALL,
    "listops": {"about": "lists", "task": "listops", "sizes": SIZES},
    "depo": {"about": "cycles", "task": "depo", "sizes": SIZES, "world": {"nodes": 12}},
    "mqar": {"about": "pairs", "task": "mqar", "sizes": SIZES, "world": {"keys": 9, "values": 9}},
    "asked": {"about": "pairs", "task": "mqar", "sizes": SIZES, "world": {"keys": 9, "values": 9}, "answers": "asked"},
}
KINDS = [(name, kind) for name in VARIANTS for kind in ("bpe", "piece", "char") if name != "asked" or kind == "piece"]


def write(folder, variant: dict, kind: str = "bpe"):
    """The data of a variant, laid out as in a study."""
    made = study(variants={"v": variant | {"tokenizer": {"kind": kind, "vocabulary": 400}}})
    data = folder / "data/v/world1"
    Builder(made, "v").write(data)
    return made, data


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_prompts_are_read_as_in_training(tmp_path, name, kind):
    _, data = write(tmp_path, VARIANTS[name], kind)
    solver, tokenizer = interpreter(read_json(data / "world.json")), Tokenizer.from_file(str(data / "tokenizer.json"))
    for row in pq.read_table(data / "test.parquet").to_pylist():
        for begin, token in zip(row["answer_start"], row["token_start"], strict=True):
            assert prompt_tokens(row["text"][:begin], solver, tokenizer) == row["tokens"][:token]


@pytest.mark.parametrize("name", ["recall", "listops", "mqar", "asked", "depo"])
def test_a_cell_answers_beside_the_interpreter(tmp_path, name):
    made, data = write(tmp_path, VARIANTS[name], "piece" if name == "asked" else "bpe")
    folder = tmp_path / "cells/v/thex-2/seed1"
    train_cell(made, Cell("v", "thex-2", 1), made.training, data, folder, 1, lambda progress: None)
    row = pq.read_table(data / "test.parquet").to_pylist()[0]
    begin, start, stop = row["answer_start"][0], row["token_start"][0], row["token_stop"][0]
    reply = ask(folder, row["text"][:begin])
    assert reply == ask(folder / "model.json", row["text"][:begin])  # any of its files stands for a cell
    assert reply.truth.text == row["answer"][0]
    model, _ = load_cell(folder)
    tokens = row["tokens"][:start]
    for _ in range(32):  # without caches
        tokens.append(int(model(torch.tensor([tokens]))[0, -1].argmax()))
    assert greedy(model, row["tokens"][:start], stop - start).tokens == tokens[start:stop]
    solver, tokenizer = interpreter(read_json(data / "world.json")), Tokenizer.from_file(str(data / "tokenizer.json"))
    words = tokenizer.decode(tokens[start:])
    for end in solver.ends:
        words = words.partition(end)[0]
    assert reply.text == (words.strip() if solver.ends else words.split()[0])
    assert 0 < reply.probability <= 1
    with pytest.raises(ValueError, match="asks for nothing at its end"):
        ask(folder, row["text"])
    with pytest.raises(ValueError, match="holds no trained cell"):
        ask(tmp_path / "elsewhere", row["text"])
