"""Rule `track`: all cells of the study as MLflow runs."""

from pathlib import Path

from lolameme import job
from lolameme.files import write_json
from lolameme.reporting.tables import cells
from lolameme.tracking.runs import Tracker

with job.running(snakemake) as study:
    tracker = Tracker(study, snakemake.params.uri, Path(snakemake.params.artifacts))
    runs = {
        f"{cell['variant']}/{cell['architecture']}/seed{cell['seed']}": tracker.track(cell, folder)
        for cell, folder in cells(study, Path(snakemake.input[0]).parents[3])
    }
    figures = tracker.track_figures([Path(path) for path in snakemake.input.figures])
    write_json(snakemake.output[0], {"cells": runs, "figures": figures})
