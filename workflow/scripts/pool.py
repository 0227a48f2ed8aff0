"""Rule `pool`: an analysis of all cells in one table."""

from pathlib import Path

from lolameme.analyses._frames import pooled
from lolameme.base.files import atomic, read_frame, write_frame
from lolameme.runtime import job

with job.running(snakemake):
    paths = [Path(path) for path in snakemake.input]
    frames = {(p.parts[-3], p.parts[-2], int(p.stem.removeprefix("seed"))): read_frame(p) for p in paths}
    table = pooled(frames)
    write_frame(snakemake.output.parquet, table)
    with atomic(snakemake.output.csv) as path:
        table.to_csv(path, index=False)
