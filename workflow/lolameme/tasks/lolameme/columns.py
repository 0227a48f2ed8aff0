"""Columns that programs in the study's languages have besides the common ones."""

from lolameme.tasks.columns import Column

COLUMNS = {
    "assignments": Column("int16", "assignments before the query, distractors not counted", "statements", sliced=True),
    "operands": Column("int16", "operands of the query", sliced=True),
    "globals_used": Column("int8", "operands whose value is in the weights", "operands", sliced=True),
    "chain_depth": Column(
        "int16", "computed assignments that the answer needs, one after another", "statements", sliced=True
    ),
    "shadowed": Column("bool", "an operand is a global that the program binds anew", sliced=True),
    "unseen_pair": Column("bool", "an operator meets two values that training never lets meet", sliced=True),
}
