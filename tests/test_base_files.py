from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import study
from lolameme.base import tensors
from lolameme.base.files import Damaged, atomic, read_frame, read_json, read_table, write_frame, write_json
from lolameme.data.dataset import Builder
from lolameme.data.tokenizer import load_tokenizer


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "facts.json"
    write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="in the middle"):
        fail_while_writing(path)
    assert read_json(path) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["facts.json"]


def fail_while_writing(path):
    with atomic(path) as temporary:
        temporary.write_text("half of")
        raise ValueError("in the middle")


def test_numbers_that_json_does_not_have_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "facts.json", {"loss": float("nan")})
    assert not any(tmp_path.iterdir())


def written(folder: Path) -> dict[str, tuple[Path, Callable[[Path], Any]]]:
    """A file of each kind, and how the next rule reads it."""
    builder = Builder(study(), "recall")
    builder.write_world(folder)
    builder.write_split("valid", folder)
    builder.write_split("test", folder)
    frame = pd.DataFrame({"split": ["test"] * 500, "hits": np.arange(500) % 7, "loss": np.linspace(0, 1, 500)})
    write_frame(folder / "frame.parquet", frame)
    write_json(folder / "facts.json", {"exact_match": 0.875, "curve": [0.1, 0.5], "name": "Hyänen"})
    weights = {"b": torch.arange(60.0).view(6, 10), "a": torch.ones(3, dtype=torch.bfloat16)}
    tensors.save(folder / "weights.safetensors", weights, step=3)

    def weights_and_facts(path: Path) -> Any:
        found, facts = tensors.load(path)
        return {name: t.float().tolist() for name, t in found.items()}, facts

    return {
        "split": (folder / "test.parquet", lambda path: read_table(path).to_pylist()),
        "frame": (folder / "frame.parquet", lambda path: read_frame(path).to_dict("list")),
        "json": (folder / "facts.json", read_json),
        "world": (folder / "world.json", read_json),
        "tokenizer": (folder / "tokenizer.json", lambda path: load_tokenizer(path.parent).to_str()),
        "weights": (folder / "weights.safetensors", weights_and_facts),
    }


def tried(read: Callable[[Path], Any], path: Path) -> Any:
    """What a file holds, or how it was refused."""
    try:
        return read(path)
    except Damaged as error:
        return error


@pytest.mark.parametrize("kind", ["split", "frame", "json", "world", "tokenizer", "weights"])
def test_a_damaged_file_is_named_with_the_remedy_and_never_used(tmp_path, kind):
    """Cut off, emptied, or with a bit turned anywhere: refused, or as good as new where the bit means nothing."""
    path, read = written(tmp_path)[kind]
    whole, before = path.read_bytes(), read(path)
    rng = np.random.default_rng(1)
    refused = 0
    damages = [b"", whole[: len(whole) // 2], whole[:-1], b"\0" * len(whole)]
    for place in rng.integers(0, len(whole), 150):
        turned = bytearray(whole)
        turned[place] ^= 1 << int(rng.integers(8))
        damages.append(bytes(turned))
    for i, damage in enumerate(damages):
        path.write_bytes(damage)
        found = tried(read, path)
        if isinstance(found, Damaged):
            refused += 1
            assert str(path) in str(found)
            assert "delete it and run the same command again" in str(found)
        else:
            assert found == before
            assert i not in (0, 1, 3)
    assert refused > 0.6 * len(damages)  # the rest are bits that mean nothing


def test_the_same_tensors_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        tensors.save(tmp_path / name, {"a": torch.arange(5.0), "b": torch.ones(2, 2)}, x=1, y=[2], z={"k": "v"})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
