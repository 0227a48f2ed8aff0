"""Rule `page`: the report, one self-contained HTML file."""

from lolameme.base.files import write_text
from lolameme.reporting.page import render
from lolameme.runtime import job

with job.running(snakemake) as study:
    write_text(snakemake.output[0], render(study, snakemake.params.files))
