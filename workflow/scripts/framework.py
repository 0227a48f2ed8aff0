"""Rule `framework`: the picture of the framework, from a variant's data."""

from pathlib import Path

from lolameme.drawing import style
from lolameme.reporting import framework
from lolameme.runtime import job

with job.running(snakemake) as study:
    variant = study.variants[study.illustrated]
    operators = any(program.operands[1] > 1 for program in variant.programs().values())
    style.apply()
    drawn = framework.framework(Path(snakemake.input.world).parent, study.illustrated, list(variant.tests), operators)
    style.save(drawn, Path(snakemake.output[0]).parent / "framework")
