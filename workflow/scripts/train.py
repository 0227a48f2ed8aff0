"""Rule `train`: a trained cell."""

from pathlib import Path

from lolameme.base.files import read_json
from lolameme.learning.cell import train_cell
from lolameme.runtime import job
from lolameme.runtime.progress import Reporter
from lolameme.study.cell import Cell

with job.running(snakemake) as study:
    w = snakemake.wildcards
    cell = Cell(w.variant, w.architecture, int(w.seed))
    folder, data = Path(snakemake.output.model).parent, Path(snakemake.input.dataset).parent
    choice = snakemake.input.get("choice")
    training = study.training_of(w.variant, w.architecture)
    training = training.chosen(read_json(choice)) if choice else training
    reporter = Reporter(str(cell), Path(snakemake.params.progress))
    train_cell(study, cell, training, data, folder, snakemake.threads, reporter)
