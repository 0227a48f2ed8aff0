"""Every column of every table is explained, and tables have the columns that are explained."""

import re

import pandas as pd
import pytest
from pandas.api import types

from conftest import ROOT, study
from lolameme.base.files import read_frame
from lolameme.reporting import columns, registry
from lolameme.study import exhibits, plugins
from lolameme.study.exhibits import CELL, Column, Table

FITS = {
    str: lambda values: all(isinstance(value, str) for value in values),
    int: lambda values: types.is_integer_dtype(values) or (values == values.round()).all(),
    float: lambda values: types.is_numeric_dtype(values) or values.empty,
    bool: lambda values: set(values) <= {True, False},
}


def every_table() -> dict[str, Table]:
    modules = [*registry.described(), *(plugins.load("analysis", name) for name in plugins.names("analysis"))]
    return {table.name: table for module in modules for table in exhibits.of(module)[0]}


def test_the_page_of_columns_is_up_to_date():
    assert (ROOT / "docs/data.md").read_text() == columns.markdown(), "run `lolameme columns > docs/data.md`"


def test_the_page_explains_every_column_of_every_file():
    page = columns.markdown()
    own = {name: plugins.load("analysis", name).COLUMNS for name in plugins.names("analysis")}
    for name, declared in ({name: table.columns for name, table in every_table().items()} | own).items():
        assert f"\n`{name}`: " in page, name
        section = page.split(f"\n`{name}`: ")[-1 if name in every_table() else 1].split("\n\n")[1]
        told = re.findall(r"^\| `([^`]+)` \| (\w+) \| [^|]* \| ([^|]+) \|$", section, re.MULTILINE)
        assert [(column, kind) for column, kind, _ in told] == [(c, d.type.__name__) for c, d in declared.items()]
        assert all(meaning.strip() for *_, meaning in told)


def test_a_finished_study_has_the_columns_that_are_explained(finished):
    described = {name: table.columns for name, table in every_table().items()}
    described |= {name: CELL | plugins.load("analysis", name).COLUMNS for name in plugins.names("analysis")}
    written = sorted((finished.folder / "results/mini/tables").glob("*.parquet"))
    assert len(written) >= len(registry.collect(study()).tables)
    for path in written:
        frame = read_frame(path)
        assert list(frame) == list(described[path.stem]), path.stem
        for name, column in described[path.stem].items():
            values = frame[name].dropna()
            assert FITS[column.type](values), (path.stem, name, column.type, frame[name].dtype)


def test_a_table_with_other_columns_is_refused():
    made = Table("odd", (), lambda study: pd.DataFrame({"b": [1]}), "Odd.", {"a": Column(int, "something")})
    with pytest.raises(TypeError, match=r"table odd: described columns \['a'\], made \['b'\]"):
        made.made(study(), {})
