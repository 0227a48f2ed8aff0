"""Answering programs of the study's languages without binding.

The solver knows which operators are asked for, and what each operand may be worth: a global what the weights hold, if
they hold any (`memory`), else any value that a global has; a local any value that the program assigned, those
excluded that cannot be asked for again. It says the most likely result, operands taken as independent.
"""

import numpy as np

from lolameme.tasks.guessing import Guess, remaining
from lolameme.tasks.interpreter import Statement
from lolameme.tasks.lolameme.interpreter import Interpreter


def guesses(solver: Interpreter, program: str, once: bool, memory: bool) -> list[Guess]:
    """A guess per query; `once`: no program asks for the same twice, `memory`: the weights hold all globals."""
    found = solver.statements(program)
    return [_guess(solver, program, found, i, once, memory) for i, s in enumerate(found) if s.kind == "query"]


def _guess(solver: Interpreter, program: str, found: list[Statement], i: int, once: bool, memory: bool) -> Guess:
    query, m = found[i], solver.modulus
    operators, meant = query.meaning
    worth = np.zeros((len(meant), m))  # (operands, values)
    for weights, operand, concept in zip(worth, query.operands, meant, strict=True):
        if operand.literal:
            weights[int(concept)] = 1
        elif operand.reads is not None:
            # what is computed is not written as a value, so it may be any
            for text, times in remaining(program, found, i, once and len(meant) == 1).items():
                weights += times / m if not text.isdigit() else times * (np.arange(m) == int(text))
        elif memory:
            weights[solver.concepts[concept]["value"]] = 1
        else:
            for entry in solver.concepts:
                if entry["value"] is not None:
                    weights[entry["value"]] += 1
    kind = 0 if query.operands[0].literal else solver.concepts[meant[0]]["type"]
    total = worth[0]
    for operator, right in zip(operators, worth[1:], strict=True):
        table = np.array(solver.world["operators"][operator]["tables"][kind])  # (m, m)
        total = np.bincount(table.ravel(), np.outer(total, right).ravel(), minlength=m)
    return {f"{value:0{solver.width}d}": float(weight) for value, weight in enumerate(total) if weight > 0}
