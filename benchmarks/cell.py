"""One cell of a study, as rule `train` makes it: study, data, variant, architecture, seed, threads, folder."""

from contextlib import suppress

with suppress(ImportError):  # what Snakemake puts at the head of every script; a cell is trained without it, too
    from snakemake.iocontainers import Snakemake  # noqa: F401
    from snakemake.logging import logger  # noqa: F401

import sys
from pathlib import Path

from lolameme.learning.cell import train_cell
from lolameme.study import config
from lolameme.study.cell import Cell

file, data, variant, architecture, seed, threads, folder = sys.argv[1:]
study, cell = config.load(file), Cell(variant, architecture, int(seed))
train_cell(study, cell, study.training_of(variant), Path(data), Path(folder), int(threads), lambda progress: None)
