"""Answering ListOps without binding. There is nothing to bind; what counts is to reach the lists inside."""

from lolameme.tasks.guessing import Guess
from lolameme.tasks.listops.interpreter import Interpreter
from lolameme.tasks.listops.settings import Program


def guesses(solver: Interpreter, program: str, rules: Program, memory: bool) -> list[Guess]:
    """The value of the outermost list as if those inside were not there; nothing, where it has only these."""
    (answer,) = Interpreter(solver.world, without="nesting").answers(program)
    return [{} if answer.value is None else {answer.text: 1.0}]
