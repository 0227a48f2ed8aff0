"""A trained cell as analyses see it: its model in float32, the world and tokenizer of its data, and programs to ask."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from lolameme.base.files import read_json, read_table
from lolameme.base.seeds import seed_of
from lolameme.data.tokenizer import load_tokenizer
from lolameme.learning import snapshots
from lolameme.learning.device import Device
from lolameme.learning.evaluation import load_cell
from lolameme.models.stack import Stack, build
from lolameme.study.cell import Cell, check
from lolameme.study.config import Study
from lolameme.study.paths import data_of
from lolameme.study.settings import Model
from lolameme.tasks.interpreter import Interpreter, interpreter


@dataclass(frozen=True)
class Trained:
    """A cell of a study. Its model stands on `device`, ready to be asked."""

    cell: Cell
    model: Stack
    facts: dict[str, Any]  # model.json
    data: Path  # the folder of its variant's data
    device: Device
    folder: Path | None = None  # where it was trained, unless it was made by hand

    @classmethod
    def load(cls, study: Study, cell: Cell, folder: Path, data: Path, threads: int) -> "Trained":
        """Read the cell trained in `folder`. Raises Damaged if a file is, ValueError if the data are others by now."""
        model, facts = load_cell(folder)
        check(study, facts, read_json(data / "dataset.json")["content"])
        device = Device.choose(study.device, "float32", threads)
        return cls(cell, model.to(device.torch_device).eval(), facts, data, device, folder)

    @classmethod
    def at(cls, folder: Path) -> "Trained":
        """The cell in `folder`, on the CPU. Raises ValueError, in a sentence for the user, if there is none."""
        model, facts = load_cell(folder)
        cell = Cell(facts["variant"], facts["architecture"], facts["seed"])
        data = data_of(folder, facts["world"])
        return cls(cell, model.eval(), facts, data, Device.choose("cpu", "float32"), folder)

    @property
    def settings(self) -> Model:
        """Those of its model."""
        return Model(**self.facts["model"])

    @cached_property
    def world(self) -> dict[str, Any]:
        return read_json(self.data / "world.json")

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return load_tokenizer(self.data)

    @cached_property
    def interpreter(self) -> Interpreter:
        return interpreter(self.world)

    def at_the_start(self) -> Stack:
        """The stack as `learning.cell` draws it before training: what is read from it is no trace of training."""
        seed = seed_of(self.cell.seed, "initialisation", self.cell.variant, self.cell.architecture)
        made = build(self.facts["architecture"], self.settings, self.facts["vocabulary"], seed)
        return made.to(self.device.torch_device).eval()

    def over_training(self) -> Iterator[tuple[int, "Trained"]]:
        """The cell after each step whose weights were kept, and at the end."""
        kept: snapshots.Snapshots = {}
        if self.facts["training"]["snapshots"]:
            assert self.folder is not None  # one made by hand keeps none
            kept = snapshots.read(self.folder)
        for step, weights in kept.items():
            model = build(self.facts["architecture"], self.settings, self.facts["vocabulary"])
            model.load_state_dict(weights)
            yield step, replace(self, model=model.to(self.device.torch_device).eval())
        yield self.facts["training"]["steps"], self

    def texts(self, split: str = "test") -> list[str]:
        """The programs of a split, as text."""
        return read_table(self.data / f"{split}.parquet", ["text"])["text"].to_pylist()
