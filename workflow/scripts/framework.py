"""Rule `framework`: the picture of the framework and of the stacks."""

from pathlib import Path

from lolameme import job
from lolameme.models.architectures import pattern
from lolameme.reporting import framework, style

with job.running(snakemake) as study:
    world, variant = Path(snakemake.input.world), snakemake.params.variant
    shown = study.variants[variant]
    operators = any(program.operands[1] > 1 for program in shown.programs().values())
    style.apply()
    folder = Path(snakemake.output[0]).parent
    style.save(framework.framework(world.parent, variant, list(shown.tests), operators), folder / "framework")
    style.save(framework.stacks({a: pattern(a, study.model.layers) for a in study.stacks}), folder / "stacks")
