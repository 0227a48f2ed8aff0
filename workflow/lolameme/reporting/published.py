"""Publishing: what a study found, small enough for a repository, and enough to check it by.

A folder per study: its configuration, the report's page, tables, figures, and of every cell its settings, metrics and
which programs it answered; no weights, no data. Everything is copied but the predictions, of which those columns stay
that outcomes are computed from, and tables of more than 2 MB as CSV, which are there as Parquet. `compare` reads such a
folder as it reads results.
"""

import shutil
from collections import Counter
from pathlib import Path

from lolameme.base.files import read_frame, read_json, write_frame, write_json
from lolameme.reporting.incomplete import partial
from lolameme.reporting.tables import cells
from lolameme.study import config
from lolameme.study.paths import PUBLISHED

OUTCOMES = ["split", "program", "exact_match"]  # of predictions.parquet
_MOST = 2_000_000  # bytes of a table as CSV


def publish(study: config.Study, file: Path, to: Path) -> Path:
    """Publish a finished study, described in `file`, as a folder in `to`, in place of an older one; returns the folder.

    Raises ValueError if the study is not finished: the page, a table or a cell is missing, or failed jobs left a report
    of a part.
    """
    paths, folder, command = study.paths, to / study.study, f"make study CONFIG={file}"
    missing = [path for path in (paths.page, paths.tables, *(cell for _, cell in cells(study))) if not path.exists()]
    if missing:
        raise ValueError(f"{missing[0]} does not exist: a study is published when it is finished; run `{command}`")
    if partial(study):
        raise ValueError(f"{paths.page} reports a part of the study; run `{command}`")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    commits: Counter[str] = Counter()
    for _, cell in cells(study):
        copy = part / cell.relative_to(paths.results)
        copy.mkdir(parents=True)
        for name in ("metrics.json", "model.json"):
            shutil.copyfile(cell / name, copy / name)
        predictions = read_frame(cell / "predictions.parquet", columns=OUTCOMES)
        write_frame(copy / "predictions.parquet", predictions)
        commits[read_json(cell / "model.json")["code"]["commit"]] += 1
    copy_tables(paths.tables, part / "tables")
    shutil.copytree(paths.figures, part / "figures")
    shutil.copyfile(paths.page, part / "index.html")
    shutil.copyfile(file, part / "config.yaml")
    facts = {"study": study.study, "cells": len(cells(study)), "commits": dict(commits.most_common())}
    write_json(part / PUBLISHED, facts | {"command": command})
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return folder


def copy_tables(tables: Path, to: Path) -> None:
    """The tables of a study, without those that are large as CSV."""
    large = [path.name for path in tables.glob("*.csv") if path.stat().st_size > _MOST]
    shutil.copytree(tables, to, ignore=lambda *_: large)
