"""Answering ListOps without binding. There is nothing to bind; what counts is to reach the lists inside.

The solver reads the outermost list alone: its operator, its digits, and how many lists stand among them. Of these it
knows that each is worth what a list of digits is, over all operators and numbers of arguments that there can be.
"""

import functools
import itertools
import math
from collections import Counter

from lolameme.tasks.guessing import Guess
from lolameme.tasks.listops.interpreter import Interpreter, applied
from lolameme.tasks.listops.settings import Program

DIGITS = 10
_COUNTED = 6  # unknown arguments of a list that are counted out, at most


def guesses(solver: Interpreter, program: str, rules: Program, memory: bool) -> list[Guess]:
    """The one guess of a program, whatever `memory` says."""
    (query,) = solver.statements(program)
    operator, *words, _ = query.meaning
    digits, inside, depth = [], 0, 0
    for word in words:
        inside += depth == 0 and word.startswith("[")
        depth += word.startswith("[") - (word == "]")
        if depth == 0 and word.isdigit():
            digits.append(int(word))
    worth = _worth(operator[1:], tuple(sorted(digits)), inside, _inner(rules))
    return [{str(value): weight for value, weight in enumerate(worth) if weight}]


@functools.cache
def _worth(operator: str, known: tuple[int, ...], unknown: int, each: tuple[float, ...]) -> tuple[float, ...]:
    """How likely the results of an operator are, from 0 to 9: `known` digits, and `unknown` ones, `each` likely so."""
    found, count = [0.0] * DIGITS, min(unknown, _COUNTED)
    for values in itertools.combinations_with_replacement(range(DIGITS), count):
        orders = math.factorial(count) // math.prod(map(math.factorial, Counter(values).values()))
        found[applied(operator, [*known, *values], DIGITS)] += orders * math.prod(each[value] for value in values)
    return tuple(found)


def _inner(rules: Program) -> tuple[float, ...]:
    """How likely the values of a list of digits are, from 0 to 9."""
    least, most = rules.arguments
    kinds = list(itertools.product(rules.operators, range(least, most + 1)))
    tables = [_worth(operator, (), count, (1 / DIGITS,) * DIGITS) for operator, count in kinds]
    return tuple(sum(column) / len(kinds) for column in zip(*tables, strict=True))
