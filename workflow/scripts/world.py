"""Rule `world`: world.json and tokenizer.json of a variant."""

from pathlib import Path

from lolameme import job
from lolameme.languages.dataset import Builder

with job.running(snakemake) as study:
    Builder(study, snakemake.wildcards.variant).write_world(Path(snakemake.output.world).parent)
