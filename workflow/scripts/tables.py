"""Rule `tables`: the tidy tables of the study, and those for a paper as LaTeX."""

from pathlib import Path

from lolameme.base.files import write_text
from lolameme.reporting import claims, latex, tables
from lolameme.runtime import job

with job.running(snakemake) as study:
    cells, folder = Path(snakemake.input[0]).parents[3], Path(snakemake.output[0]).parent
    scored, learned = tables.scores(study, cells), tables.learning(study, cells)
    answered = tables.outcomes(study, cells)
    compared = tables.comparisons(answered)
    board = tables.leaderboard(answered, scored, learned, compared)
    claimed = claims.claims(board, learned, tables.Standings(compared))
    cost = tables.costs(board)
    made = {
        "cells": scored,
        "slices": tables.slices(study, cells),
        "learning": learned,
        "comparisons": compared,
        "leaderboard": board,
        "learning_order": tables.learning_order(board, learned),
        "cost": cost,
        "claims": claimed,
        "tuning": tables.tuning(study, cells.parent / "trials"),
    }
    for name, table in made.items():
        tables.write(table, folder / name)
    for name, text in {
        "leaderboard": latex.leaderboard(board),
        "learning_order": latex.learning_order(board),
        "cost": latex.costs(cost),
        "claims": latex.claims(claimed),
    }.items():
        write_text(folder / f"{name}.tex", text)
