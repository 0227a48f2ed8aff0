"""Rule `floor`: the exact match on valid that needs no binding, with which trials are compared."""

from pathlib import Path

from lolameme.base.files import write_json
from lolameme.data.floors import floor_of
from lolameme.runtime import job

with job.running(snakemake) as study:
    reached, programs = floor_of(
        study.variants[snakemake.wildcards.variant], "valid", Path(snakemake.input.valid).parent
    )
    write_json(snakemake.output[0], {"floor": reached, "programs": programs})
