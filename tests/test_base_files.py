import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from conftest import study
from lolameme.base import tensors
from lolameme.base.files import (
    Damaged,
    atomic,
    read_frame,
    read_json,
    read_sealed,
    read_table,
    write_frame,
    write_json,
    write_sealed,
)
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
    write_sealed(folder / "curve.svg", "<svg>\n" + "<path d='M 0 1'/>\n" * 40 + "</svg>")
    write_json(folder / "facts.json", {"exact_match": 0.875, "curve": [0.1, 0.5], "name": "Hyänen"})
    weights = {"b": torch.arange(60.0).view(6, 10), "a": torch.ones(3, dtype=torch.bfloat16)}
    tensors.save(folder / "weights.safetensors", weights, step=3)

    def weights_and_facts(path: Path) -> Any:
        found, facts = tensors.load(path)
        return {name: t.float().tolist() for name, t in found.items()}, facts

    return {
        "split": (folder / "test.parquet", lambda path: read_table(path).to_pylist()),
        "frame": (folder / "frame.parquet", lambda path: read_frame(path).to_dict("list")),
        "svg": (folder / "curve.svg", read_sealed),
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


@pytest.mark.parametrize("kind", ["split", "frame", "svg", "json", "world", "tokenizer", "weights"])
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


@pytest.mark.parametrize("text", ["[]", "[" * 200_000, "3", '"checksum"', "null", '{"a": 1}', '{"checksum": 1}'])
def test_json_that_is_none_of_ours_is_refused(tmp_path, text):
    (tmp_path / "facts.json").write_text(text)
    with pytest.raises(Damaged, match=r"facts\.json is damaged .*; delete it and run the same command again"):
        read_json(tmp_path / "facts.json")


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o002])
def test_whoever_may_read_a_new_file_may_read_every_kind(tmp_path, mask):
    before = os.umask(mask)
    try:
        files = a_file_of_each_kind(tmp_path / "results/mini/cells/recall/gpt2/seed1")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in files} == {0o666 & ~mask}


def test_the_same_tensors_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        tensors.save(
            tmp_path / name / "a.safetensors", {"a": torch.arange(5.0), "b": torch.ones(2, 2)}, x=1, y=[2], z={"k": "v"}
        )
    one, two = ((tmp_path / name / "a.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


def a_file_of_each_kind(path: Path) -> dict[Path, Callable[[Path], Any]]:
    frame, weights = pd.DataFrame({"hits": [1, 0]}), {"a": torch.ones(3)}
    write_json(path / "metrics.json", {"exact_match": 0.5})
    write_sealed(path / "curve.svg", "<svg>\n</svg>")
    write_frame(path / "predictions.parquet", frame)
    tensors.save(path / "model.safetensors", weights)
    return {
        path / "metrics.json": read_json,
        path / "curve.svg": read_sealed,
        path / "predictions.parquet": read_frame,
        path / "model.safetensors": tensors.load,
    }


@pytest.mark.parametrize("other", ["recall/gpt2/seed2", "recall/hyena/seed1", "facts/gpt2/seed1"])
def test_a_whole_file_of_another_cell_is_refused(tmp_path, other):
    ours = a_file_of_each_kind(tmp_path / "results/mini/cells/recall/gpt2/seed1")
    theirs = a_file_of_each_kind(tmp_path / "results/mini/cells" / other)
    for (path, read), stranger in zip(ours.items(), theirs, strict=True):
        read(path)
        shutil.copy(stranger, path)
        with pytest.raises(Damaged, match=rf"it was written as cells/{other}/{path.name}\); delete it and run"):
            read(path)


def test_a_study_may_be_copied_and_a_file_taken_out(tmp_path):
    cell = Path("cells/recall/gpt2/seed1")
    ours = a_file_of_each_kind(tmp_path / "results/mini" / cell)
    shutil.copytree(tmp_path / "results/mini", tmp_path / "elsewhere/results/other")
    shutil.copytree(tmp_path / "results/mini" / cell, tmp_path / "kept")
    for path, read in ours.items():
        read(tmp_path / "elsewhere/results/other" / cell / path.name)
        read(tmp_path / "kept" / path.name)
        shutil.copy(path, tmp_path / "kept" / f"other{path.suffix}")
        with pytest.raises(Damaged, match="it was written as"):
            read(tmp_path / "kept" / f"other{path.suffix}")
