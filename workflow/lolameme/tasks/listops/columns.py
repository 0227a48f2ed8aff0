"""Columns that ListOps has besides the common ones."""

from lolameme.tasks.columns import Column

COLUMNS = {
    "operands": Column("int16", "digits of the lists", sliced=True),
    "depth": Column("int16", "lists inside lists, the outermost counted", "lists", sliced=True),
}
