"""Rule `stacks`: the picture of the stacks compared."""

from pathlib import Path

from lolameme import job
from lolameme.models.architectures import pattern
from lolameme.reporting import framework, style

with job.running(snakemake) as study:
    style.apply()
    drawn = framework.stacks({a: pattern(a, study.model.layers) for a in study.stacks})
    style.save(drawn, Path(snakemake.output[0]).parent / "stacks")
