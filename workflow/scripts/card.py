"""Rule `card`: the data card of a variant, as JSON and Markdown."""

from pathlib import Path

from lolameme.base.files import write_json, write_sealed
from lolameme.data.card import describe, markdown
from lolameme.runtime import job

with job.running(snakemake) as study:
    card = describe(study, snakemake.wildcards.variant, Path(snakemake.output.json).parent)
    write_json(snakemake.output.json, card)
    write_sealed(snakemake.output.markdown, markdown(card))
