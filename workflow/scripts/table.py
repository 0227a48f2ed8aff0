"""Rule `table`: one table of the study, as Parquet and CSV."""

from lolameme.reporting import registry, tables
from lolameme.runtime import job

with job.running(snakemake) as study:
    exhibits = registry.collect(study)
    table = exhibits.tables[snakemake.wildcards.table]
    tables.write(table.made(study, exhibits.needed(table)), study.paths.tables / table.name)
