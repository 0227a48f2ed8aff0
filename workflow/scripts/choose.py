"""Rule `choose`: the learning rate of an architecture on a variant."""

from lolameme.base.files import read_json, write_json
from lolameme.learning.tuning import choose
from lolameme.runtime import job

with job.running(snakemake):
    write_json(snakemake.output[0], choose([read_json(path) for path in snakemake.input]))
