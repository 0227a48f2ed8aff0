"""Rule `trial`: one point of the tuning grid, judged on valid."""

from pathlib import Path

from lolameme.base.files import write_json
from lolameme.learning.cell import train_trial
from lolameme.runtime import job
from lolameme.runtime.progress import Reporter

with job.running(snakemake) as study:
    w, path, data = snakemake.wildcards, Path(snakemake.output[0]), Path(snakemake.input.dataset).parent
    reporter = Reporter(f"{w.variant}/{w.architecture}/{w.trial}", Path(snakemake.params.progress))
    training, checkpoint = study.trials(w.variant)[w.trial], path.with_suffix(".checkpoint.safetensors")
    write_json(
        path, train_trial(study, w.variant, w.architecture, training, data, checkpoint, snakemake.threads, reporter)
    )
