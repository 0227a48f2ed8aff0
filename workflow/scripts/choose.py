"""Rule `choose`: the learning rate of an architecture on a variant."""

from lolameme import job
from lolameme.files import read_json, write_json
from lolameme.training.tuning import choose

with job.running(snakemake):
    write_json(snakemake.output[0], choose([read_json(path) for path in snakemake.input]))
