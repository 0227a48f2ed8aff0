"""What the measurements of gpu.py share: the device, its sizes or those to try on a processor, and verdicts."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from common import ROOT, STUDY
from training import Cells, Shape

from lolameme.learning.device import Device
from lolameme.study.settings import Model

Measurement = dict[str, Any]
Listed = Iterator[tuple[str, Callable[[], Measurement]]]  # measurements by name
VARIANT = "in_context"  # of the studies: all have it
STUDIES = {"quick": STUDY} | {name: ROOT / f"studies/{name}.yaml" for name in ("cpu", "gpu", "paper")}


@dataclass(frozen=True)
class Sizes:
    """How large the measurements are."""

    mixer: Model  # whose outputs are compared
    programs: int  # in the batch that is compared
    curve: int  # steps of a short training
    shapes: dict[str, Shape]  # of training steps
    drawn: int  # programs of each
    rounds: int
    matmul: int
    layer: Model  # whose cost is measured by length
    lengths: tuple[int, ...]
    tokens: int  # at every length, so that batches get smaller
    at_once: tuple[int, ...]  # processes
    seeds: tuple[int, ...]  # in one model
    cell: tuple[str, int, int]  # study, steps and training programs of the cells that run side by side
    study: tuple[str, int, int]  # the same of the cell that Snakemake makes
    analyses: tuple[str, ...]


def shape(name: str, steps: int, batch: int | None = None) -> Shape:
    """The shape of a study with its own batch, if no other is given."""
    asked = yaml.safe_load(STUDIES[name].read_text())["training"]["batch"]
    return Shape(STUDIES[name], batch or asked, steps)


FULL = Sizes(
    mixer=Model(d_model=256, heads=8, length=256),
    programs=16,
    curve=40,
    shapes={name: shape(name, steps) for name, steps in {"quick": 100, "cpu": 50, "gpu": 20, "paper": 4}.items()},
    drawn=2000,
    rounds=3,
    matmul=8192,
    layer=Model(d_model=768, heads=12),
    lengths=tuple(2**i for i in range(9, 16)),
    tokens=2**15,
    at_once=(1, 2, 4, 8),
    seeds=(2, 6, 16),
    cell=("gpu", 300, 20_000),
    study=("quick", 320, 6400),
    analyses=("scores", "filters", "patching", "knockout", "matrices"),
)
SMALL = Sizes(
    mixer=Model(d_model=16, heads=2, length=40),
    programs=4,
    curve=4,
    shapes={"quick": shape("quick", 1, 4)},
    drawn=100,
    rounds=1,
    matmul=256,
    layer=Model(d_model=16, heads=2),
    lengths=(64, 128),
    tokens=128,
    at_once=(1, 2),
    seeds=(2,),
    cell=("quick", 2, 100),
    study=("quick", 4, 100),
    analyses=("scores",),
)


@dataclass(frozen=True)
class Bench:
    """Where is measured, and what is there."""

    kind: str  # cuda or cpu
    folder: Path

    @property
    def sizes(self) -> Sizes:
        return FULL if self.kind == "cuda" else SMALL

    @property
    def precision(self) -> str:
        """That of training steps, where a study says nothing."""
        return Device.choose(self.kind).precision

    def device(self, precision: str) -> Device:
        """The device: `tf32` multiplies matrices as cells in float32 are trained, `float32` without that rounding."""
        made = Device.choose(self.kind, "float32" if precision == "tf32" else precision, 1)
        torch.backends.cuda.matmul.allow_tf32 = precision != "float32"
        return made

    def cells(self, name: str) -> Cells:
        """Programs of a study's variant, in its shape, drawn once."""
        return Cells(self.sizes.shapes[name], self.folder / "data" / name, self.kind, VARIANT, self.sizes.drawn)


def judged(error: float, tolerance: float) -> Measurement:
    """An error beside what is tolerated; one that is not finite is written as none."""
    return {"error": error if math.isfinite(error) else None, "tolerance": tolerance, "equal": error <= tolerance}


def verdict(found: Measurement) -> tuple[str, str, str]:
    """An error, its tolerance and what follows, as a row shows them."""
    error = "not finite" if found["error"] is None else f"{found['error']:.1e}"
    return error, f"{found['tolerance']:.0e}", "equal" if found["equal"] else "UNEQUAL"


def sentence(problem: BaseException) -> str:
    """An exception in one line."""
    return f"{type(problem).__name__}: {str(problem).strip().partition(chr(10))[0][:300]}"
