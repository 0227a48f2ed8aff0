"""Columns that multi-query associative recall has besides the common ones."""

from lolameme.tasks.columns import Column

COLUMNS = {
    "assignments": Column("int16", "key-value pairs of the sequence", "pairs", sliced=True),
    "gap": Column("int32", "from the key in its pair to the key that asks", "words"),
}
