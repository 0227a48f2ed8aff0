"""Rule `train_split`: train.parquet and dataset.json of a variant."""

from pathlib import Path

from lolameme.data.dataset import Builder
from lolameme.runtime import job

with job.running(snakemake) as study:
    Builder(study, snakemake.wildcards.variant, int(snakemake.wildcards.world)).write_train(
        Path(snakemake.output.train).parent
    )
