"""What is published, made again with the code of today, without training: floors, and all that follows from them.

    python published/remake.py reach

The data are drawn again from the configuration beside the cells; a cell whose content hash says that it saw others
stops it. Floors come from these data, what cells answered from their files. Tables whose sources are not published
(what cells did while they trained, how rates were chosen, what was said instead of the answer, what analyses measured)
stay as they are, and so does what was predicted before training.
"""

import itertools
import os
import shutil
import sys
import tempfile
from pathlib import Path

from lolameme.base import provenance
from lolameme.base.files import read_frame, read_json, write_frame, write_json, write_text
from lolameme.cli.given import study_file
from lolameme.data.card import describe
from lolameme.data.dataset import Builder
from lolameme.data.floors import floor_of
from lolameme.data.prediction import PREDICTIONS
from lolameme.drawing import style
from lolameme.reporting import published, tables
from lolameme.reporting.incomplete import in_order
from lolameme.reporting.page import render
from lolameme.reporting.registry import collect
from lolameme.study import config
from lolameme.study.paths import PUBLISHED

KEPT = ("learning", "tuning", "mistakes")  # and those of analyses


def remake(folder: Path, file: Path) -> None:
    """Make tables, figures and the page of a published study again, with today's floors in the metrics of its cells.

    `file` is what its page says is to be run.
    """
    study = config.load(folder / "config.yaml")
    paths, facts = study.paths, read_json(folder / PUBLISHED)
    shutil.copytree(folder / "cells", paths.results / "cells")
    for answers in paths.results.glob("cells/**/predictions.parquet"):  # written for where they are
        write_frame(answers, read_frame(folder / answers.relative_to(paths.results)))
    shutil.copytree(folder / "tables", paths.tables)
    predicted = read_frame(paths.table("predicted_cells")).assign(world=lambda t: t["seed"].map(study.world_of))
    write_frame(paths.predictions, predicted[list(PREDICTIONS)].drop_duplicates())
    floors = {}
    for variant, world in itertools.product(study.variants, study.world_seeds):
        data = paths.data(variant, world)
        data.mkdir(parents=True)
        Builder(study, variant, world).write(data)
        for split in study.variants[variant].tests:
            floors[variant, world, split], _ = floor_of(study.variants[variant], split, data)
        if world == study.world_seeds[0]:
            write_json(data / "card.json", describe(study, variant, data))
    for identity, cell in tables.cells(study):
        variant, world = identity["variant"], study.world_of(identity["seed"])
        metrics = read_json(cell / "metrics.json")
        if metrics["data"] != read_json(paths.data(variant, world) / "dataset.json")["content"]:
            raise RuntimeError(f"{cell} was trained on other data than the code of today draws")
        for split, result in metrics["splits"].items():
            result["baselines"]["floor"] = floors[variant, world, split]
        write_json(cell / "metrics.json", metrics)
    exhibits = collect(study)
    for name in in_order(exhibits):
        table = exhibits.tables[name]
        if name not in KEPT:
            tables.write(table.made(study, exhibits.needed(table)), paths.tables / name)
        if table.latex:
            found = read_frame(paths.table(name))
            write_text(paths.table(name).with_suffix(".tex"), table.latex(found, table.caption, name))
    style.apply()
    for figure in exhibits.figures.values():
        style.save(figure.draw(study, **exhibits.needed(figure)), paths.figures / figure.name)
    write_text(paths.page, render(study, [str(file)]))
    for metrics in paths.results.glob("cells/**/metrics.json"):
        shutil.copyfile(metrics, folder / metrics.relative_to(paths.results))
    shutil.rmtree(folder / "tables")
    published.copy_tables(paths.tables, folder / "tables")
    shutil.rmtree(folder / "figures")
    shutil.copytree(paths.figures, folder / "figures")
    shutil.copyfile(paths.page, folder / "index.html")
    facts["remade"] = {"by": "python published/remake.py", "code": provenance.code_version()}
    write_json(folder / PUBLISHED, facts)


if __name__ == "__main__":
    there, described = (Path(__file__).parent / sys.argv[1]).resolve(), study_file(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        remake(there, described)
