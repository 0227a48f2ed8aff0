"""Rule `figures`: the figures of the study, from its tables."""

from pathlib import Path

import pandas as pd

from lolameme import job
from lolameme.reporting import figures, style

with job.running(snakemake) as study:
    table = {Path(path).stem: pd.read_parquet(path) for path in snakemake.input.tables}
    style.apply()
    drawn = {
        "exact_match": lambda: figures.exact_match(table["leaderboard"], table["cells"]),
        "position": lambda: figures.position(table["leaderboard"], study.model.layers),
        "learning_curves": lambda: figures.learning_curves(table["learning"], table["leaderboard"]),
        "learning_order": lambda: figures.learning_order(table["leaderboard"]),
        "splits": lambda: figures.splits(table["leaderboard"]),
    }
    for name, draw in drawn.items():
        style.save(draw(), Path(snakemake.output[0]).parent / name)
