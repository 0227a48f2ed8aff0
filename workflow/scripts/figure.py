"""Rule `figure`: one figure of the study, as SVG, PNG and PDF."""

from lolameme.drawing import style
from lolameme.reporting import registry
from lolameme.runtime import job

with job.running(snakemake) as study:
    exhibits = registry.collect(study)
    figure = exhibits.figures[snakemake.wildcards.figure]
    style.apply()
    style.save(figure.draw(study, **exhibits.needed(figure)), study.paths.figures / figure.name)
