"""Rule `framework`: the picture of the framework and of the stacks."""

from pathlib import Path

from lolameme import job
from lolameme.files import read_json
from lolameme.models.architectures import pattern
from lolameme.reporting import framework, style

with job.running(snakemake) as study:
    world, variant = Path(snakemake.input.world), snakemake.params.variant
    languages, splits = read_json(world)["languages"], list(study.variants[variant].tests)
    style.apply()
    folder = Path(snakemake.params.folder)
    style.save(framework.framework(world.parent, variant, languages, splits), folder / "framework")
    style.save(framework.stacks({a: pattern(a, study.model.layers) for a in study.stacks}), folder / "stacks")
