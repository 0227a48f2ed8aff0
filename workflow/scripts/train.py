"""Rule `train`: a trained cell."""

from lolameme import warm

warm.hand_over()

from pathlib import Path

from lolameme import job
from lolameme.cell import Cell
from lolameme.files import read_json
from lolameme.training.cell import train_cell
from lolameme.training.progress import Watcher

with job.running(snakemake) as study:
    w = snakemake.wildcards
    cell = Cell(w.variant, w.architecture, int(w.seed))
    folder, data = Path(snakemake.output.model).parent, Path(snakemake.input.dataset).parent
    choice = snakemake.input.get("choice")
    training = study.tuned(w.variant, read_json(choice)["chosen"]) if choice else study.training_of(w.variant)
    watcher = Watcher(str(cell), Path(snakemake.params.progress))
    train_cell(study, cell, training, data, folder, snakemake.threads, watcher)
