"""Rule `figures`: the figures of the study, from its tables."""

from pathlib import Path

from lolameme.base.files import read_frame
from lolameme.drawing import style
from lolameme.reporting import figures, selection
from lolameme.runtime import job

with job.running(snakemake) as study:
    table = {Path(path).stem: read_frame(path) for path in snakemake.input.tables}
    board, slices, trained = table["leaderboard"], table["slices"], selection.recalled(study)
    style.apply()
    draw = {
        "exact_match": lambda: figures.exact_match(board, table["cells"]),
        "position": lambda: figures.position(board, study.model.layers),
        "learning_curves": lambda: figures.learning_curves(table["learning"], board),
        "learning_order": lambda: figures.learning_order(board),
        "splits": lambda: figures.splits(board),
        "cost": lambda: figures.cost(board),
        "memory": lambda: figures.memory(board, selection.memorised(study)),
        "length": lambda: figures.sliced(slices, "assignments", "assignments in the program", trained),
        "distance": lambda: figures.sliced(slices, "distance", "statements from binding to query", trained),
        "transfer": lambda: figures.transfer(slices, *selection.transferred(study)[0]),
    }
    for name in selection.figures(study):
        style.save(draw[name](), Path(snakemake.output[0]).parent / name)
