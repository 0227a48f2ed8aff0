"""Rule `tables`: the tidy tables of the study."""

from pathlib import Path

from lolameme import job
from lolameme.reporting import tables

with job.running(snakemake) as study:
    cells, folder = Path(snakemake.input[0]).parents[3], Path(snakemake.output[0]).parent
    scored, learned = tables.scores(study, cells), tables.learning(study, cells)
    answered = tables.outcomes(study, cells)
    compared = tables.comparisons(answered)
    board = tables.leaderboard(answered, scored, learned, compared)
    tables.write(scored, folder / "cells")
    tables.write(tables.slices(study, cells), folder / "slices")
    tables.write(learned, folder / "learning")
    tables.write(compared, folder / "comparisons")
    tables.write(board, folder / "leaderboard")
    tables.write(tables.claims(board, learned, tables.Standings(compared)), folder / "claims")
    tables.write(tables.tuning(study, cells.parent / "trials"), folder / "tuning")
