"""One cell of the default study, as rule `train` makes it: data, variant, architecture, seed, threads, folder."""

# what Snakemake puts at the head of every script
from snakemake.iocontainers import Snakemake  # noqa: F401
from snakemake.logging import logger  # noqa: F401

from lolameme.runtime import warm

warm.hand_over()

import sys
from pathlib import Path

from common import STUDY

from lolameme.learning.cell import train_cell
from lolameme.study import config
from lolameme.study.cell import Cell

data, variant, architecture, seed, threads, folder = sys.argv[1:]
study, cell = config.load(STUDY), Cell(variant, architecture, int(seed))
train_cell(study, cell, study.training_of(variant), Path(data), Path(folder), int(threads), lambda progress: None)
