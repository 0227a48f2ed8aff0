"""Where everything lies: the only place that spells `results/...` and `reports/...`.

Paths are relative to the project's folder. Rules give wildcards in braces where scripts give names.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from lolameme.base import files

RESULTS, REPORTS = Path(files.RESULTS), Path(files.REPORTS)
DATABASE, ARTIFACTS = RESULTS / "mlflow.db", RESULTS / "mlartifacts"  # of all studies
A_CELL = "results/<study>/cells/<variant>/<architecture>/seed<k>"  # as sentences say where one lies
PUBLISHED = "published.json"  # in the folder of a study that is published


@dataclass(frozen=True)
class Paths:
    """The files of one study."""

    study: str

    @property
    def results(self) -> Path:
        return RESULTS / self.study

    @property
    def reports(self) -> Path:
        return REPORTS / self.study

    @property
    def page(self) -> Path:
        return self.reports / "index.html"

    @property
    def figures(self) -> Path:
        return self.reports / "figures"

    @property
    def tables(self) -> Path:
        return self.results / "tables"

    def table(self, name: str) -> Path:
        return self.tables / f"{name}.parquet"

    def figure(self, name: str, suffix: str = ".svg") -> Path:
        return self.figures / f"{name}{suffix}"

    @property
    def predictions(self) -> Path:
        """What is predicted of every cell before any is trained."""
        return self.results / "predictions.parquet"

    @property
    def runs(self) -> Path:
        """Which MLflow runs show the study."""
        return self.results / "mlflow.json"

    @property
    def links(self) -> Path:
        """What the report knows of these runs."""
        return self.reports / "mlflow.js"

    @property
    def logs(self) -> Path:
        return self.results / "logs"

    @property
    def progress(self) -> Path:
        return self.logs / "progress"

    def data(self, variant: str, world: int | str) -> Path:
        return self.results / "data" / variant / f"world{world}"

    def reach(self, variant: str, world: int | str) -> Path:
        """What a lookup can match in the data of a variant."""
        return self.results / "reach" / variant / f"world{world}.parquet"

    def trials(self, variant: str, architecture: str) -> Path:
        return self.results / "trials" / variant / architecture

    def cell(self, variant: str, architecture: str, seed: int | str) -> Path:
        return self.results / "cells" / variant / architecture / f"seed{seed}"

    def analysis(self, analysis: str, variant: str, architecture: str, seed: int | str) -> Path:
        return self.results / "analyses" / analysis / variant / architecture / f"seed{seed}.parquet"


def progress_file(cell: str) -> str:
    """The name of the file in `Paths.progress` that a cell, or a trial, keeps its progress in."""
    return f"{cell.replace('/', '--')}.json"


def data_of(cell: Path, world: int) -> Path:
    """The folder of the data that a cell, given by its folder, was trained on: those of its world.

    Raises ValueError, in a sentence for the user, if the cell does not lie beside them.
    """
    above = (cell if len(cell.parents) > 3 else Path(os.path.abspath(cell))).parents
    data = above[3] / "data" / above[1].name / f"world{world}" if len(above) > 3 else None
    if data is None or not data.is_dir():
        raise ValueError(
            f"{cell} does not lie beside the data that it was trained on; give the cell where it was trained, {A_CELL}"
        )
    return data
