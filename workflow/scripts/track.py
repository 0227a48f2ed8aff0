"""Rule `track`: all cells of the study as MLflow runs, and the links of the report to them."""

from pathlib import Path

from lolameme.base.files import read_frame, write_json
from lolameme.reporting.tables import cells
from lolameme.runtime import job
from lolameme.tracking import links
from lolameme.tracking.runs import Tracker

with job.running(snakemake) as study:
    tracker = Tracker(study, snakemake.params.uri, cells(study))
    i = snakemake.input
    shown = {"figures": i.figures, "tables": i.tables} | {f"data/{Path(card).parts[-3]}": [card] for card in i.cards}
    exhibits = {folder: [Path(path) for path in paths] for folder, paths in shown.items()}
    tracked = tracker.track(read_frame(i.leaderboard), exhibits, map(Path, i.choices))
    write_json(snakemake.output.runs, tracked)
    links.write(Path(snakemake.output.links), tracked, study.server)
