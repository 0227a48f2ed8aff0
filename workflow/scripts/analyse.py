"""Rule `analyse`: one analysis of one trained cell."""

from pathlib import Path

from lolameme.analyses._frames import checked
from lolameme.analyses._trained import Trained
from lolameme.base.files import write_frame
from lolameme.runtime import job
from lolameme.study import plugins
from lolameme.study.cell import Cell

with job.running(snakemake) as study:
    w, i = snakemake.wildcards, snakemake.input
    cell = Cell(w.variant, w.architecture, int(w.seed))
    trained = Trained.load(study, cell, Path(i.model).parent, Path(i.dataset).parent, snakemake.threads)
    analysis = plugins.load("analysis", w.analysis)
    settings = study.analyses[w.analysis]
    measured = checked(w.analysis, analysis.measure(trained, settings), analysis.COLUMNS)
    write_frame(snakemake.output[0], measured, asked=settings.model_dump(mode="json"))
