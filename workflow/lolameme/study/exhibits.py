"""Exhibits: the tables and figures of a study, each described beside the function that makes it.

Rules, the report's page, captions, LaTeX and MLflow all read these descriptions; nothing else lists exhibits. The
study's own stand in `reporting`, those of an analysis in the file of that analysis (`TABLES`, `FIGURES`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from lolameme.study.config import Study


def _always(study: "Study") -> bool:
    return True


@dataclass(frozen=True)
class Table:
    """A tidy table, written as Parquet and CSV, and as LaTeX where `latex` says how.

    `make(study, **tables)` gets the tables that it `needs`, by name. The table of an analysis is named like it, and
    holds the rows of all cells with `variant`, `architecture` and `seed`: nothing has to make that one.
    """

    name: str
    needs: tuple[str, ...]
    make: "Callable[..., pd.DataFrame]"
    caption: str
    latex: "Callable[[pd.DataFrame], str] | None" = None
    when: "Callable[[Study], bool]" = _always


@dataclass(frozen=True)
class Figure:
    """A figure, written as SVG, PNG and PDF. `draw(study, **tables)` gets the tables that it `needs`, by name."""

    name: str
    needs: tuple[str, ...]
    draw: "Callable[..., Drawing]"
    caption: "Callable[[Study], str]"  # self-contained: what is shown, n, what bars and bands are
    section: str  # of the report's page
    when: "Callable[[Study], bool]" = _always
    variants: "Callable[[Study], list[str]] | None" = None  # whose runs it shows; all, if None
    small: bool = False


def of(plugin: Any) -> "tuple[list[Table], list[Figure]]":
    """The exhibits that a module brings."""
    return list(getattr(plugin, "TABLES", ())), list(getattr(plugin, "FIGURES", ()))
