"""Cells per hour, one after another and side by side, with equal results; and what start-up costs a cell."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from common import ROOT, STUDY, keep, table

from lolameme import config
from lolameme.languages.dataset import Builder

CELLS = [
    ("expressions", architecture, seed) for seed in (1, 2) for architecture in ("gpt2", "hyena", "thex-1", "thex-2")
]


def start(folder: Path, place: str, cell: tuple[str, str, int], threads: int) -> subprocess.Popen:
    """A process that trains one cell of the default study, as the rule `train` does."""
    variant, architecture, seed = cell
    command = [sys.executable, __file__, str(folder / variant), variant, architecture, str(seed), str(threads)]
    return subprocess.Popen([*command, str(folder / place / variant / architecture / str(seed))])


def train(data: str, variant: str, architecture: str, seed: str, threads: str, folder: str) -> None:
    from lolameme.cell import Cell
    from lolameme.training.cell import train_cell

    study = config.load(STUDY)
    cell = Cell(variant, architecture, int(seed))
    train_cell(study, cell, study.training_of(variant), Path(data), Path(folder), int(threads), lambda moment: None)


def run(folder: Path, place: str, cells: list[tuple[str, str, int]], at_once: int, threads: int) -> float:
    """Seconds to train the cells, so many at a time."""
    begun, waiting, running = time.perf_counter(), list(cells), []
    while waiting or running:
        running = [process for process in running if process.poll() is None]
        while waiting and len(running) < at_once:
            running.append(start(folder, place, waiting.pop(0), threads))
        time.sleep(0.02)
    return time.perf_counter() - begun


def weights(folder: Path, place: str) -> list[str]:
    """Digests of all trained weights."""
    paths = sorted((folder / place).rglob("model.safetensors"))
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def main() -> None:
    cores = os.cpu_count() or 1
    with TemporaryDirectory() as name:
        folder = Path(name)
        for variant in ("expressions", "in_context"):
            Builder(config.load(STUDY), variant).write(folder / variant)
        ways = [("one after another, 1 thread", 1, 1), (f"one after another, {cores} threads", 1, cores)]
        ways += [(f"{cores} processes of 1 thread, as the rules do", cores, 1)]
        rows, made = [], {}
        for way, at_once, threads in ways:
            seconds = run(folder, way, CELLS, at_once, threads)
            made[way] = weights(folder, way)
            rows.append((way, f"{seconds:.0f}", f"{3600 * len(CELLS) / seconds:,.0f}"))
        assert made[ways[0][0]] == made[ways[2][0]], "side by side, weights differ"
        shares = []
        for cell in (("expressions", "gpt2", 1), ("in_context", "gpt2", 1), ("in_context", "hyena", 1)):
            wall = run(folder, "alone", [cell], 1, 1)
            facts = json.loads((folder / "alone" / "/".join(map(str, cell)) / "model.json").read_text())
            rest = wall - facts["train_seconds"]
            shares.append(("/".join(map(str, cell)), f"{wall:.1f}", f"{rest:.1f}", f"{100 * rest / wall:.0f} %"))
    lines = [
        f"{len(CELLS)} cells of `expressions` (quick study) on {cores} cores, each a process, start-up included.",
        "",
    ]
    lines += [*table(("way", "seconds", "cells per hour"), rows), ""]
    lines += ["Weights of the cells are the same bits one after another and side by side (checked).", ""]
    lines += ["What of a cell's training job is not training (start of Python and torch, reading, writing):", ""]
    keep("cells", lines + table(("cell", "seconds", "not training", "share"), shares))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.path.insert(0, str(ROOT / "workflow"))
        train(*sys.argv[1:])
    else:
        main()
