"""Rule `page`: the report, one self-contained HTML file."""

from pathlib import Path

from lolameme.base.files import write_text
from lolameme.reporting.page import render
from lolameme.runtime import job

with job.running(snakemake) as study:
    i = snakemake.input
    html = render(
        study, [Path(p) for p in i.tables], [Path(p) for p in i.figures], [Path(p) for p in i.cards], Path(i.runs)
    )
    write_text(snakemake.output[0], html)
