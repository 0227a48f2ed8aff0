"""Rule `stacks`: the picture of the stacks compared."""

from pathlib import Path

from lolameme.drawing import style
from lolameme.reporting import framework
from lolameme.runtime import job
from lolameme.study.architectures import pattern

with job.running(snakemake) as study:
    style.apply()
    drawn = framework.stacks({a: pattern(a, study.model.layers) for a in study.stacks})
    style.save(drawn, Path(snakemake.output[0]).parent / "stacks")
