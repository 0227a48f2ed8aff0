"""Rule `track`: all cells of the study as MLflow runs."""

from pathlib import Path

from lolameme.base.files import read_frame, write_json
from lolameme.reporting.tables import cells
from lolameme.runtime import job
from lolameme.tracking.runs import Tracker

with job.running(snakemake) as study:
    i, p = snakemake.input, snakemake.params
    tracker = Tracker(study, p.uri, Path(p.artifacts), cells(study))
    board, figures = read_frame(i.board), [Path(path) for path in i.figures]
    write_json(snakemake.output[0], tracker.track(board, figures))
