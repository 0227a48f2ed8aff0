"""Exhibits: the tables and figures of a study, each described beside the function that makes it.

Rules, the report's page, captions, LaTeX and MLflow all read these descriptions; nothing else lists exhibits. The
study's own stand in `reporting`, those of an analysis in the file of that analysis (`TABLES`, `FIGURES`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from lolameme.study.config import Study


def _always(study: "Study") -> bool:
    return True


def _nothing(study: "Study") -> list[Path]:
    return []


@dataclass(frozen=True)
class Column:
    """A column of a table. `type` is str, int, float or bool; integers and truths with gaps are written as float."""

    type: type
    meaning: str
    unit: str = ""


CELL = {  # what tells a cell from others
    "variant": Column(str, "the variant of the study: its task and data"),
    "architecture": Column(str, "the stack, as in the configuration"),
    "seed": Column(int, "of the cell"),
}
STACK = {name: CELL[name] for name in ("variant", "architecture")}  # what the cells of all seeds have in common
SEEDS = {"seeds": Column(int, "cells", "cells")}  # of a stack
INTERVAL = {  # of a mean over them
    "low": Column(float, "where its 95 % t interval over seeds starts", "share"),
    "high": Column(float, "where it ends", "share"),
}


@dataclass(frozen=True)
class Table:
    """A tidy table, written as Parquet and CSV, and as LaTeX where `latex(table, caption, name)` says how.

    `make(study, **tables)` gets the tables that it `needs`, by name (hyphens as underscores), and may read the files
    that `reads` lists; it makes the `columns`, in their order. The table of an analysis is named like it, and holds the
    rows of all cells with `variant`, `architecture` and `seed`: nothing has to make that one.
    """

    name: str
    needs: tuple[str, ...]
    make: "Callable[..., pd.DataFrame]"
    caption: str
    columns: dict[str, Column]
    latex: "Callable[[pd.DataFrame, str, str], str] | None" = None
    when: "Callable[[Study], bool]" = _always
    reads: "Callable[[Study], list[Path]]" = _nothing
    wants: tuple[str, ...] = ()  # further tables that it gets where the study has them

    @property
    def module(self) -> str:
        """The module that describes and makes it."""
        return self.make.__module__

    def made(self, study: "Study", tables: "dict[str, pd.DataFrame]") -> "pd.DataFrame":
        """The table, from those that it needs. Raises TypeError if its columns are not those that are described."""
        found = self.make(study, **tables)
        if list(found.columns) != list(self.columns):
            raise TypeError(f"table {self.name}: described columns {list(self.columns)}, made {list(found.columns)}")
        return found


@dataclass(frozen=True)
class Figure:
    """A figure, written as SVG, PNG and PDF.

    `draw(study, **tables)` gets the tables that it `needs`, by name (hyphens as underscores), and may read the files
    that `reads` lists.
    """

    name: str
    needs: tuple[str, ...]
    draw: "Callable[..., Drawing]"
    caption: "Callable[[Study], str]"  # self-contained: what is shown, n, what bars and bands are
    section: str  # of the report's page
    when: "Callable[[Study], bool]" = _always
    variants: "Callable[[Study], list[str]] | None" = None  # whose runs it shows; all, if None
    small: bool = False
    says: "Callable[..., list[str]] | None" = None  # as `draw`: sentences that follow from its tables, shown below it
    reads: "Callable[[Study], list[Path]]" = _nothing
    wants: tuple[str, ...] = ()  # as a table's

    @property
    def module(self) -> str:
        """The module that describes and draws it."""
        return self.draw.__module__


def of(plugin: Any) -> "tuple[list[Table], list[Figure]]":
    """The tables and figures that a module brings."""
    return list(getattr(plugin, "TABLES", ())), list(getattr(plugin, "FIGURES", ()))
