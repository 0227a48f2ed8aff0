"""Rule `held_out`: a split of a variant to validate or test on."""

from pathlib import Path

from lolameme.data.dataset import Builder
from lolameme.runtime import job

with job.running(snakemake) as study:
    folder = Path(snakemake.output[0]).parent
    Builder(study, snakemake.wildcards.variant, int(snakemake.wildcards.world)).write_split(
        snakemake.wildcards.split, folder
    )
