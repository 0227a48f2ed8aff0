"""Rule `predict`: bounds of exact match and best positions, before anything is trained."""

import itertools

from lolameme.base.files import read_frame, write_frame
from lolameme.data.prediction import predictions
from lolameme.runtime import job

with job.running(snakemake) as study:
    pairs = itertools.product(study.variants, study.world_seeds)
    reached = {pair: read_frame(study.paths.reach(*pair)) for pair in pairs}
    write_frame(snakemake.output[0], predictions(study, reached))
