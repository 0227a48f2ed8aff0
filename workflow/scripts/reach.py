"""Rule `reach`: what the best guesser of every reach and window gets right, from the programs of a variant."""

from lolameme.base.files import write_frame
from lolameme.data.accounts import holed
from lolameme.data.prediction import bounds
from lolameme.data.reach import in_files
from lolameme.runtime import job

with job.running(snakemake) as study:
    w = snakemake.wildcards
    folder, variant = study.paths.data(w.variant, w.world), study.variants[w.variant]
    guessers = {split: in_files(variant, folder, split) for split in variant.tests}
    write_frame(snakemake.output[0], bounds(guessers, holed(study)))
