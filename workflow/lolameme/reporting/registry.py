"""All tables and figures of a study: those described in this package, and those of the analyses that the study runs.

Rules, the page, captions and MLflow read them here. A module of this package brings exhibits by defining `TABLES` or
`FIGURES`; an analysis does so in its own file, and its table of all cells is there under its name.
"""

import importlib
import pkgutil
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pandas as pd

from lolameme.base.files import read_frame
from lolameme.study import exhibits, plugins
from lolameme.study.config import Study
from lolameme.study.exhibits import Figure, Table

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Registry:
    """The exhibits of a study by name, in the order of their modules and in that of a module's list."""

    study: Study
    tables: dict[str, Table]
    figures: dict[str, Figure]
    pooled: tuple[str, ...]  # analyses, whose tables of all cells are named like them

    @property
    def printed(self) -> list[str]:
        """The names of the tables that are written as LaTeX, too."""
        return [name for name, table in self.tables.items() if table.latex]

    @property
    def modules(self) -> list[str]:
        """Where the exhibits are described."""
        return sorted({each.module for each in (*self.tables.values(), *self.figures.values())})

    def inputs(self, exhibit: Table | Figure) -> list[str]:
        """The files that an exhibit is made of."""
        return [str(path) for path in (*map(self.study.paths.table, self.of(exhibit)), *exhibit.reads(self.study))]

    def needed(self, exhibit: Table | Figure) -> dict[str, pd.DataFrame]:
        """The tables that an exhibit needs, as arguments."""
        return {name.replace("-", "_"): read_frame(self.study.paths.table(name)) for name in self.of(exhibit)}

    def of(self, exhibit: Table | Figure) -> list[str]:
        """The tables that an exhibit needs, and those that it wants and that are there."""
        there = {*self.tables, *self.pooled}
        return [*exhibit.needs, *(name for name in exhibit.wants if name in there)]


def collect(study: Study) -> Registry:
    """The exhibits of a study, without those that it has nothing to show in (`when`).

    Raises ValueError if two tables, or two figures, have one name, or if one needs a table that the study does not
    have.
    """
    tables: dict[str, Table] = {}
    figures: dict[str, Figure] = {}
    for module in [*described(), *(plugins.load("analysis", name) for name in study.analyses)]:
        for found, known in zip(exhibits.of(module), (tables, figures), strict=True):
            for exhibit in found:
                if exhibit.name in known:
                    both = f"{known[exhibit.name].module} and {exhibit.module}"
                    raise ValueError(f"{both} describe a {type(exhibit).__name__.lower()} called {exhibit.name!r}")
                known[exhibit.name] = exhibit
    registry = Registry(
        study,
        {name: table for name, table in tables.items() if table.when(study)},
        {name: figure for name, figure in figures.items() if figure.when(study)},
        tuple(study.analyses),
    )
    known_tables = {*registry.tables, *registry.pooled}
    for exhibit in (*registry.tables.values(), *registry.figures.values()):
        for name in set(exhibit.needs) - known_tables:
            raise ValueError(f"{exhibit.name} ({exhibit.module}) needs table {name!r}, which this study does not have")
    return registry


def described() -> list[ModuleType]:
    """The modules of this package that define exhibits."""
    names = [module.name for module in pkgutil.iter_modules([str(_HERE)])]
    told = [name for name in names if re.search(r"^(TABLES|FIGURES) = ", (_HERE / f"{name}.py").read_text(), re.M)]
    return [importlib.import_module(f"{__package__}.{name}") for name in told]
