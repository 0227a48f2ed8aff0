"""Cells per hour, one after another and side by side, with equal results; and what start-up costs a cell."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from common import STUDY, keep, table

from lolameme.data.dataset import Builder
from lolameme.runtime import warm
from lolameme.study import config

MANY = "two_languages"  # the variant whose cells are the shortest, so that start-up shows most
CELLS = [(MANY, architecture, seed) for seed in (1, 2) for architecture in config.load(STUDY).stacks_of(MANY)]


def start(
    folder: Path, place: str, cell: tuple[str, str, int], threads: int, fork: bool, study: Path = STUDY
) -> subprocess.Popen:
    """A process that trains one cell of a study, whose data are in `folder`, into a place there."""
    variant, architecture, seed = cell
    script = Path(__file__).with_name("cell.py")
    arguments = [script, study, folder / variant, variant, architecture, seed, threads]
    arguments.append(folder / place / variant / architecture / str(seed))
    words = list(map(str, arguments))
    return subprocess.Popen(warm.command(*words) if fork else [sys.executable, *words])


def run(folder: Path, place: str, cells: list[tuple[str, str, int]], at_once: int, threads: int, fork: bool) -> float:
    """Seconds to train the cells, so many at a time."""
    begun, waiting, running = time.perf_counter(), list(cells), []
    while waiting or running:
        running = [process for process in running if process.poll() is None]
        while waiting and len(running) < at_once:
            running.append(start(folder, place, waiting.pop(0), threads, fork))
        time.sleep(0.02)
    return time.perf_counter() - begun


def weights(folder: Path, place: str) -> list[str]:
    """Digests of all trained weights."""
    paths = sorted((folder / place).rglob("model.safetensors"))
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def main() -> None:
    cores = os.cpu_count() or 1
    warm.start()
    with TemporaryDirectory() as name:
        folder = Path(name)
        for variant in (MANY, "in_context"):
            Builder(config.load(STUDY), variant).write(folder / variant)
        ways = [
            ("one after another, 1 thread", 1, 1, False),
            (f"one after another, {cores} threads", 1, cores, False),
            (f"{cores} processes of 1 thread", cores, 1, False),
            (f"{cores} processes of 1 thread, forks of a warm one, as the rules do", cores, 1, True),
        ]
        rows, made = [], {}
        for way, at_once, threads, fork in ways:
            seconds = run(folder, way, CELLS, at_once, threads, fork)
            made[way] = weights(folder, way)
            rows.append((way, f"{seconds:.0f}", f"{3600 * len(CELLS) / seconds:,.0f}"))
        assert made[ways[0][0]] == made[ways[2][0]] == made[ways[3][0]], "side by side, weights differ"
        shares = []
        for cell in ((MANY, "gpt2", 1), ("in_context", "gpt2", 1), ("in_context", "hyena", 1)):
            for fork in (False, True):
                wall = run(folder, "alone", [cell], 1, 1, fork)
                facts = json.loads((folder / "alone" / "/".join(map(str, cell)) / "model.json").read_text())
                rest = wall - facts["train_seconds"]
                what = "/".join(map(str, cell)) + (", fork" if fork else "")
                shares.append((what, f"{wall:.1f}", f"{rest:.1f}", f"{100 * rest / wall:.0f} %"))
    lines = [
        f"{len(CELLS)} cells of `{MANY}` (quick study) on {cores} cores, each a process, start-up included.",
        "",
    ]
    lines += [*table(("way", "seconds", "cells per hour"), rows), ""]
    lines += ["Weights of the cells are the same bits one after another, side by side and in forks (checked).", ""]
    lines += ["What of a cell's training job is not training (start of Python and torch, reading, writing):", ""]
    keep("cells", lines + table(("cell", "seconds", "not training", "share"), shares))


if __name__ == "__main__":
    main()
