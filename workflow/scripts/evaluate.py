"""Rule `evaluate`: predictions and metrics of a trained cell."""

from pathlib import Path

from lolameme.learning.evaluation import evaluate_cell
from lolameme.runtime import job
from lolameme.study.cell import Cell

with job.running(snakemake) as study:
    w = snakemake.wildcards
    cell = Cell(w.variant, w.architecture, int(w.seed))
    folder, data = Path(snakemake.output.metrics).parent, Path(snakemake.input.dataset).parent
    evaluate_cell(study, cell, data, folder, snakemake.threads)
