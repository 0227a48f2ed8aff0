"""What an analysis hands on: a tidy frame with the columns that its file declares."""

from collections.abc import Iterable

import pandas as pd

from lolameme.study import plugins
from lolameme.study.exhibits import CELL, Column


def framed(analysis: str, rows: Iterable[tuple]) -> pd.DataFrame:
    """Rows under the columns that an analysis declares, in their order.

    A `measure` that made the frame of `COLUMNS` itself would depend on what these mean in words, and cells would be
    measured again where a word changes; names and types are a parameter of rule `analyse`.
    """
    return pd.DataFrame(rows, columns=list(plugins.load("analysis", analysis).COLUMNS))


def checked(analysis: str, frame: pd.DataFrame, columns: dict[str, Column]) -> pd.DataFrame:
    """The frame, its columns in the declared order. Raises TypeError if they are others, or of another type.

    A frame without rows is what an analysis measured where a variant asks nothing that it could look at.
    """
    if set(frame.columns) != set(columns):
        raise TypeError(f"analysis {analysis}: declared columns {sorted(columns)}, measured {sorted(frame.columns)}")
    if frame.empty:
        return frame[list(columns)].astype({name: column.type for name, column in columns.items()})
    kinds = {str: pd.api.types.is_string_dtype, int: pd.api.types.is_integer_dtype, bool: pd.api.types.is_bool_dtype}
    for name, column in columns.items():
        if not kinds.get(column.type, pd.api.types.is_float_dtype)(frame[name]):
            raise TypeError(
                f"analysis {analysis}: column {name} is declared as {column.type.__name__}, not {frame[name].dtype}"
            )
    return frame[list(columns)]


def pooled(frames: dict[tuple[str, str, int], pd.DataFrame]) -> pd.DataFrame:
    """The rows of all cells, with `variant`, `architecture` and `seed` in front."""
    return pd.concat(
        [
            frame.assign(variant=variant, architecture=architecture, seed=seed)[[*CELL, *frame.columns]]
            for (variant, architecture, seed), frame in frames.items()
        ],
        ignore_index=True,
    )
