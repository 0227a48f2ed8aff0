"""Rule `database`: MLflow's database, of all studies, without runs."""

from lolameme.runtime import job
from lolameme.tracking import store

with job.running(snakemake), store.opened(snakemake.params.uri):
    pass  # opening makes it
