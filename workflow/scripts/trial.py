"""Rule `trial`: one point of the tuning grid, judged on valid."""

from lolameme.runtime import warm

warm.hand_over()

from pathlib import Path

from lolameme.learning.cell import train_trial
from lolameme.runtime import job
from lolameme.runtime.progress import Reporter

with job.running(snakemake) as study:
    w, data = snakemake.wildcards, Path(snakemake.input.dataset).parent
    reporter = Reporter(f"{w.variant}/{w.architecture}/{w.trial}", Path(snakemake.params.progress))
    train_trial(study, w.variant, w.architecture, w.trial, data, Path(snakemake.output[0]), snakemake.threads, reporter)
