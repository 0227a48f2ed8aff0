"""Rule `tables`: the tidy tables of the study."""

from pathlib import Path

from lolameme import job
from lolameme.reporting import tables

with job.running(snakemake) as study:
    cells, folder = Path(snakemake.input[0]).parents[3], Path(snakemake.output[0]).parent
    scored, learned = tables.scores(study, cells), tables.learning(study, cells)
    board = tables.leaderboard(study, cells, scored, learned)
    tables.write(scored, folder / "cells")
    tables.write(tables.slices(study, cells), folder / "slices")
    tables.write(learned, folder / "learning")
    tables.write(board, folder / "leaderboard")
    tables.write(tables.claims(board, learned), folder / "claims")
