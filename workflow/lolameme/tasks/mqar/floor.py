"""Answering multi-query associative recall without binding.

Every key is asked for once, so what was answered is out: of n pairs, query j from 0 on has n - j values left. Over all
n queries that is right in (1 + 1/2 + ... + 1/n) / n of them.

Where answers are not written, none was seen, and nothing says more than that the first value is one of n: 1/n of them.
"""

from lolameme.tasks.guessing import Guess, remaining
from lolameme.tasks.mqar.interpreter import Interpreter


def guesses(solver: Interpreter, program: str, once: bool, memory: bool) -> list[Guess]:
    """A guess per query; keys are asked for once whatever `once` says, and no weights hold them."""
    found = solver.statements(program)
    if not solver.written:
        first = next(program[slice(*s.value)] for s in found if s.value)
        return [{first: 1.0} for s in found if s.kind == "query"]
    return [dict(remaining(program, found, i, once=True)) for i, s in enumerate(found) if s.kind == "query"]
