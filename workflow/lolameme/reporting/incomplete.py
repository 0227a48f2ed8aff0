"""A report of what is there, where some variants of a study have failed: one bad variant does not hide the others."""

import itertools
import os
from graphlib import TopologicalSorter
from pathlib import Path

from lolameme.analyses._frames import pooled
from lolameme.base.files import read_frame, read_json, read_sealed, write_frame, write_text
from lolameme.base.metadata import forget
from lolameme.data.prediction import predictions
from lolameme.drawing import style
from lolameme.reporting import tables
from lolameme.reporting.page import render
from lolameme.reporting.registry import Registry, collect
from lolameme.study.cell import check
from lolameme.study.config import Study

LONG_AGO = 1  # seconds since 1970: older than whatever a rule reads


def report(study: Study, files: list[str]) -> list[str]:
    """Write tables, figures and the page of the variants that are whole, if there are such; returns the others' names.

    All that is written is dated back, and Snakemake's records of it go, so that it is made again, whatever becomes of
    the others; see `partial`.
    """
    missing = [variant for variant in study.variants if not whole(study, variant)]
    if not missing or len(missing) == len(study.variants):
        return missing
    part = study.only([variant for variant in study.variants if variant not in missing])
    predicted, page = part.paths.predictions, part.paths.page
    written = [page] if predicted.exists() and not dated_back(predicted) else [page, predicted]
    try:
        _write(part, files, missing, predict=predicted in written)
    finally:  # nor may what a report that failed has left be taken for the study's
        for file in (*part.paths.tables.glob("*"), *part.paths.figures.glob("*"), *filter(Path.exists, written)):
            os.utime(file, (LONG_AGO, LONG_AGO))
            forget(file)
    return missing


def _write(part: Study, files: list[str], missing: list[str], predict: bool) -> None:
    """Tables, figures and the page of a part; what was predicted for it where that is not there for the study."""
    if predict:
        pairs = itertools.product(part.variants, part.world_seeds)
        write_frame(
            part.paths.predictions, predictions(part, {pair: read_frame(part.paths.reach(*pair)) for pair in pairs})
        )
    exhibits = collect(part)
    for name in exhibits.pooled:
        table = pooled({cell: read_frame(part.paths.analysis(name, *cell)) for cell in part.cells})
        tables.write(table, part.paths.tables / name)
    for name in in_order(exhibits):
        table = exhibits.tables[name]
        tables.write(table.made(part, exhibits.needed(table)), part.paths.tables / name)
    style.apply()
    for figure in exhibits.figures.values():
        style.save(figure.draw(part, **exhibits.needed(figure)), part.paths.figures / figure.name)
    write_text(part.paths.page, render(part, files, missing))


def partial(study: Study) -> bool:
    """Whether the report that is there is that of a part of the study, which Snakemake will make again."""
    return study.paths.page.exists() and dated_back(study.paths.page)


def dated_back(file: Path) -> bool:
    """Whether a file belongs to the report of a part."""
    return file.stat().st_mtime <= LONG_AGO


def whole(study: Study, variant: str) -> bool:
    """Whether all that the report reads of a variant is there, and is what it was."""
    paths = study.paths
    try:
        read_sealed(paths.data(variant, study.world_seeds[0]) / "card.md")
        read_json(paths.data(variant, study.world_seeds[0]) / "card.json")
        for world in study.world_seeds:
            read_frame(paths.reach(variant, world))
        for stack in study.tuned_stacks(variant):
            read_json(paths.trials(variant, stack) / "choice.json")
        for stack, seed in itertools.product(study.stacks_of(variant), study.seeds):
            folder = paths.cell(variant, stack, seed)
            check(study, read_json(folder / "metrics.json"))
            read_frame(folder / "predictions.parquet"), read_frame(folder / "history.parquet")
            for name in study.analyses:
                read_frame(paths.analysis(name, variant, stack, seed))
    except (OSError, ValueError):
        return False
    return True


def in_order(exhibits: Registry) -> list[str]:
    """The names of all tables, each after those that it is made of."""
    made_of = {name: exhibits.of(table) for name, table in exhibits.tables.items()}
    return [name for name in TopologicalSorter(made_of).static_order() if name in exhibits.tables]  # others are pooled
