"""What the programs of a variant share, read by the interpreter from the written files: so that a split means what it
says. Prompts are compared as text; expressions by what they mean, whatever the spelling.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lolameme.base.files import read_table
from lolameme.data.prompts import prompts_of, texts
from lolameme.tasks.interpreter import Interpreter, Statement

TRAIN = 20000  # training programs that the interpreter reads, at most


class Expressions:
    """The expressions over what weights hold that training programs ask for: with two operands or more."""

    def __init__(self, path: Path, solver: Interpreter):
        asked = {s.meaning for found in statements(path, solver, TRAIN) for s in found if asks_weights(s)}
        self.unordered = {(operators, ordered(operands)) for operators, operands in asked}
        self.operands = {ordered(operands) for _, operands in asked}

    def shares(self, asked: list[tuple]) -> dict[str, float]:
        """The shares of expressions that train has with the operands in another order, and with other operators."""
        turned = sum((operators, ordered(operands)) in self.unordered for operators, operands in asked)
        other = sum(ordered(operands) in self.operands for _, operands in asked)
        return {"same_operators": turned / len(asked), "same_operands": other / len(asked)}


def overlaps(folder: Path, split: str, solver: Interpreter, trained: Expressions) -> dict[str, Any]:
    """What a split shares with valid, with itself, and with the expressions of train; and what its queries read.

    `asked_before`: share of the queries whose answer an earlier query of the program got. `in_valid`: prompts that
    valid has, too. `twice`: programs that are there already, but for their last answer. `from_weights`: share of the
    operands of queries that no statement binds. `computed`: share of the assignments, the first of each program left
    out, that assign an expression. `expressions`: see `Expressions`; None where none is asked for.
    """
    path = folder / f"{split}.parquet"
    table = read_table(path, ["text", "answer_start", "asked_before"])
    repeated = table["asked_before"].combine_chunks().flatten().to_pylist()
    prompts = list(prompts_of(table))
    known = set(prompts_of(read_table(folder / "valid.parquet", ["text", "answer_start"]))) if split != "valid" else ()
    programs, begins = table["text"].to_pylist(), table["answer_start"].to_pylist()
    whole = Counter(text[: begin[-1]] for text, begin in zip(programs, begins, strict=True))
    read, computed, asked = [], [], []
    for found in statements(path, solver):
        read += [o.reads is None and not o.literal for s in found if s.kind == "query" for o in s.operands]
        computed += [not s.operands[0].literal for s in [s for s in found if s.kind == "assign"][1:]]
        asked += [s.meaning for s in found if asks_weights(s)]
    return {
        "asked_before": sum(repeated) / len(repeated),
        "in_valid": sum(prompt in known for prompt in prompts),
        "twice": sum(times - 1 for times in whole.values()),
        "from_weights": sum(read) / len(read) if read else None,
        "computed": sum(computed) / len(computed) if computed else None,
        "expressions": trained.shares(asked) if asked else None,
    }


def statements(path: Path, solver: Interpreter, most: int | None = None) -> Iterator[list[Statement]]:
    """The statements of each program of a written split, or of its first `most` programs."""
    return map(solver.statements, texts(path, most))


def asks_weights(statement: Statement) -> bool:
    """Whether a statement asks for an expression whose operands are all in the weights."""
    operands = statement.operands
    return statement.kind == "query" and len(operands) > 1 and all(o.reads is None and not o.literal for o in operands)


def ordered(operands: tuple) -> tuple:
    """Operands in an order of their own."""
    return tuple(sorted(operands, key=str))
