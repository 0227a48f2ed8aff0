"""Answering multi-query associative recall without binding.

Every key is asked for once, so what was answered is out: of n pairs, query j from 0 on has n - j values left. Over all
n queries that is right in (1 + 1/2 + ... + 1/n) / n of them.

Where answers are not written, none was seen, and nothing says more than that the first value is one of n: 1/n of them.
"""

from collections import Counter

from lolameme.tasks.guessing import Guess
from lolameme.tasks.mqar.interpreter import Interpreter
from lolameme.tasks.mqar.settings import Program


def guesses(solver: Interpreter, program: str, rules: Program, memory: bool) -> list[Guess]:
    """A guess per query; keys are asked for once whatever `rules` say, and no weights hold them."""
    found = solver.statements(program)
    if not solver.written:
        first = next(program[slice(*s.value)] for s in found if s.value)
        return [{first: 1.0} for s in found if s.kind == "query"]
    left: Counter[str] = Counter()  # values of the keys that were not asked for yet, with how often
    made = []
    for statement in found:
        if statement.kind == "query":
            made.append({value: float(times) for value, times in left.items() if times})
        if statement.value:
            left[program[slice(*statement.value)]] += 1 if statement.kind == "assign" else -1
    return made
