"""Rule `evaluate`: predictions and metrics of a trained cell."""

from lolameme import warm

warm.hand_over()

from pathlib import Path

from lolameme import job
from lolameme.cell import Cell
from lolameme.evaluation.cell import evaluate_cell

with job.running(snakemake) as study:
    w = snakemake.wildcards
    cell = Cell(w.variant, w.architecture, int(w.seed))
    folder, data = Path(snakemake.output.metrics).parent, Path(snakemake.input.dataset).parent
    evaluate_cell(study, cell, data, folder, snakemake.threads)
