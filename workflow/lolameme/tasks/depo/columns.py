"""Columns that Depo has besides the common ones.

The value that an answer is read from is that of the last edge on the way, so `name`, the node that a query starts at,
stands beside it only where one hop is asked for.
"""

from lolameme.tasks.columns import Column

COLUMNS = {
    "nodes": Column("int16", "nodes of the cycle, which has as many edges", "nodes", sliced=True),
    "hops": Column("int16", "edges that the query goes along", "edges", sliced=True),
}
