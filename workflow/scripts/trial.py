"""Rule `trial`: one point of the tuning grid, judged on valid."""

from lolameme import warm

warm.hand_over()

from pathlib import Path

from lolameme import job
from lolameme.training.cell import train_trial
from lolameme.training.progress import Watcher

with job.running(snakemake) as study:
    w, data = snakemake.wildcards, Path(snakemake.input.dataset).parent
    watcher = Watcher(f"{w.variant}/{w.architecture}/{w.trial}", Path(snakemake.params.progress))
    train_trial(study, w.variant, w.architecture, w.trial, data, Path(snakemake.output[0]), snakemake.threads, watcher)
