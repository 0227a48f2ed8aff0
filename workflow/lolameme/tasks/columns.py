"""Columns of a split's file: what each holds, in which unit, and whether metrics are split by its values.

Those that every task fills are declared here; a task declares its own in the module `columns` of its folder. Files,
slices and `docs/data.md` follow from the declarations.

A query may have several operands. Where one has to be named, it is the operand whose binding is furthest back: the one
that `distance` measures (the first one, if none reads a binding).
"""

from dataclasses import dataclass

from lolameme.study import plugins


@dataclass(frozen=True)
class Column:
    """One value per query."""

    type: str  # as Arrow calls it
    meaning: str
    unit: str = ""
    sliced: bool = False  # exact match is told for each of its values
    train: bool = True  # whether the training split has it, too
    apart: bool = False  # only there where answers do not stand in programs


COMMON = {
    "answer": Column("string", "the answer as it is written, without its end sign"),
    "answer_start": Column("int32", "where the answer starts", "characters"),
    "answer_end": Column("int32", "where the answer ends", "characters"),
    "token_start": Column("int32", "where the answer starts; what stands before is the prompt", "tokens"),
    "token_end": Column("int32", "where the answer ends", "tokens"),
    "token_stop": Column("int32", "up to where an answer has to be right: its end sign included", "tokens"),
    "query_start": Column("int32", "where the query's statement starts", "tokens"),
    "name_start": Column("int32", "where the name asked for starts; -1: no name", "tokens"),
    "name_stop": Column("int32", "where the name asked for ends; -1: no name", "tokens"),
    "value_start": Column(
        "int32",
        "where the value starts that the answer is read from: what the binding assigns, if computed its expression; "
        "-1: nothing in the prompt binds the name, its value is in the weights",
        "tokens",
    ),
    "value_stop": Column("int32", "where that value ends; -1 likewise", "tokens"),
    "prompt": Column("uint64", "a number that prompts share which ask for the same after the same", train=False),
    "language": Column("string", "the language of the query; of a public task, its name", sliced=True),
    "value_share": Column(
        "float32",
        "how often a random value of the program is the answer: of a random name bound so far, a random pair, a random "
        "digit of the list; empty before anything is bound",
        "share",
    ),
    "distance": Column(
        "int16", "from the query back to the statement that binds the name; -1: none does", "statements", sliced=True
    ),
    "token_distance": Column("int32", "from the start of the answer back to that of the value; -1: none", "tokens"),
    "nearest": Column(
        "int16",
        "from the query back to the nearest place where the answer stands: that statement, or an earlier query that "
        "asked for the same; -1: none",
        "statements",
        sliced=True,
    ),
    "asked_before": Column(
        "bool", "an earlier query of the program asked for the same, and nothing it reads was bound anew", sliced=True
    ),
    "target": Column(
        "uint16",
        "the token to predict where the answer is due; only where answers do not stand in programs (MQAR with answers: "
        "asked): there `answer_start` to `token_stop` say where another word stands in the answer's place",
        apart=True,
    ),
}


def columns_of(task: str) -> dict[str, Column]:
    """The columns that a split of a task has per query: the common ones, then its own."""
    return COMMON | plugins.load("task", task, "columns").COLUMNS


def sliced(task: str) -> tuple[str, ...]:
    """The columns by which exact match is split."""
    return tuple(name for name, column in columns_of(task).items() if column.sliced)
