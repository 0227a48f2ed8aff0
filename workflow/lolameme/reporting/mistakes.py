"""What models answer where they are wrong: another value of the program, a value from elsewhere, or no value at all.

A model that finds a value but not the right one has a binding problem; one that answers what stands nowhere before the
query has not looked.
"""

import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd

from lolameme.base.files import read_frame, read_json
from lolameme.reporting.tables import KEYS, cells
from lolameme.study.config import Study
from lolameme.study.exhibits import CELL, Column, Table
from lolameme.tasks.interpreter import interpreter

RIGHT, PRESENT, ABSENT, NOTHING = "right", "another value of the program", "a value from elsewhere", "no value"
ANSWERS = (RIGHT, PRESENT, ABSENT, NOTHING)
_WORD = re.compile(r"\w+")


def mistakes(study: Study) -> pd.DataFrame:
    """One row per variant, what is asked and architecture: shares of what its cells answer on `test`.

    `asked` is `locals` where the program binds the name, else `globals`: the value is in the weights, or computed.
    """
    words, before = {}, {}  # by program and query: the values that stand before the answer
    for variant, world in itertools.product(study.variants, study.world_seeds):
        data = study.paths.data(variant, world)
        words[variant, world] = interpreter(read_json(data / "world.json")).words
        before[variant, world] = values_before(data / "test.parquet", words[variant, world])
    tables = []
    for cell, folder in cells(study):
        rows = read_frame(folder / "predictions.parquet", columns=["split", "program", "query", *_READ])
        rows = rows[rows["split"] == "test"]
        data = cell["variant"], study.world_of(cell["seed"])
        kinds = [
            kind(row.predicted, row.exact_match, before[data][row.program, row.query], words[data])
            for row in rows.itertuples(index=False)
        ]
        asked = np.where(rows["distance"] >= 0, "locals", "globals")
        tables.append(pd.DataFrame({"asked": asked, "answers": kinds}).assign(**cell))
    every = pd.concat(tables, ignore_index=True)
    groups = every.groupby([*KEYS[:2], "asked"], sort=False)["answers"]
    shares = groups.value_counts(normalize=True).unstack(fill_value=0.0).reindex(columns=ANSWERS, fill_value=0.0)
    return shares.join(groups.size().rename("queries")).reset_index()


_READ = ("predicted", "exact_match", "distance")


def is_value(word: str, words: frozenset[str]) -> bool:
    """Whether a word can be an answer: one of the world's `words`, or where answers are no words a number."""
    return word in words if words else word.isdigit()


def values_before(path: Path, words: frozenset[str]) -> dict[tuple[int, int], frozenset[str]]:
    """By program and query of a split: the values that stand before the answer."""
    table = read_frame(path, columns=["id", "text", "answer_start"])
    return {
        (row.id, query): frozenset(word for word in _WORD.findall(row.text[:start]) if is_value(word, words))
        for row in table.itertuples(index=False)
        for query, start in enumerate(row.answer_start)
    }


def kind(predicted: str, right: bool, before: frozenset[str], words: frozenset[str] = frozenset()) -> str:
    """What an answer is."""
    if right:
        return RIGHT
    value = _WORD.match(predicted.strip())
    if value is None or not is_value(value[0], words):
        return NOTHING
    return PRESENT if value[0] in before else ABSENT


def _reads(study: Study) -> list[Path]:
    data = [
        study.paths.data(variant, world) / name
        for variant in study.variants
        for world in study.world_seeds
        for name in ("test.parquet", "world.json")
    ]
    return [*data, *(folder / "predictions.parquet" for _, folder in cells(study))]


COLUMNS = {
    "variant": CELL["variant"],
    "architecture": CELL["architecture"],
    "asked": Column(str, "locals: the program binds the name; globals: the value is in the weights, or computed"),
    RIGHT: Column(float, "answers that are right", "share"),
    PRESENT: Column(float, "wrong ones that stand in the program before the query", "share"),
    ABSENT: Column(float, "wrong ones that do not", "share"),
    NOTHING: Column(float, "answers that are no value", "share"),
    "queries": Column(int, "of all cells", "queries"),
}
TABLES = [
    Table(
        "mistakes",
        (),
        mistakes,
        "What the cells of each architecture answer on test, as shares of all queries: the right value, another value "
        "that stands in the program before the query, a value that does not, or no value.",
        columns=COLUMNS,
        reads=_reads,
    )
]
