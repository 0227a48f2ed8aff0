"""Answering programs of the study's languages without binding: every way in which names may hold values is counted out.

The solver knows the rules of its split, which statements assign a value and which an expression, which operands of an
expression are alike, what is asked for, and the answers before. But which name holds what it cannot tell: in an
expression that is assigned, each name may be any of those before it, unless the chain would get too long. So values
that were there first are held more often, and every answer tells which ways are left. Of the ways, the likeliest are
followed; where names are few these are all, and nothing better can be done, as tests count out.

A global is worth what the weights hold, if they hold any (`memory`), else what any global has. Two things are left
out, so that the floor is too low there: that a name was bound again, or binds a distractor, and in a query of three
operands and more that those after the second are other names.
"""

import itertools
from collections import Counter

import numpy as np

from lolameme.tasks.guessing import Guess
from lolameme.tasks.interpreter import Statement
from lolameme.tasks.lolameme.interpreter import Interpreter
from lolameme.tasks.lolameme.settings import Program

Held = tuple[tuple[int, int], ...]  # per name its value, and the computed assignments that this took; in order of size
_FOLLOWED = 20_000  # ways to bind the names of an assigned expression, at most


def guesses(solver: Interpreter, program: str, rules: Program, memory: bool) -> list[Guess]:
    """A guess per query; `memory`: the weights hold all globals."""
    ways: dict[Held, float] = {(): 1.0}  # with how likely they are
    given: Counter[int] = Counter()  # answers to names asked for, which are not asked for again
    made = []
    for statement in solver.statements(program):
        if statement.kind == "assign":
            if memory:  # else no query reads what is assigned
                ways = _assigned(solver, statement, ways, rules.chain_depth)
            continue
        held = _counts(ways, solver.modulus)
        if recall := len(statement.operands) == 1 and statement.reads[0] is not None:
            new = given if not rules.repeat and given.total() < len(next(iter(ways))) else Counter[int]()
            held = np.maximum(held - [new[value] for value in range(solver.modulus)], 0)
        worth = _worth(solver, statement, held, np.array(list(ways.values())), memory)
        made.append({f"{value:0{solver.width}d}": float(weight) for value, weight in enumerate(worth) if weight > 0})
        if recall and statement.value:
            answer = int(program[slice(*statement.value)])
            left = {way: p * count for (way, p), count in zip(ways.items(), held[:, answer], strict=True) if count}
            ways = left or ways  # the right one was not followed
            if new is given:
                given[answer] += 1
    return made


def _assigned(solver: Interpreter, statement: Statement, ways: dict[Held, float], chain: int) -> dict[Held, float]:
    """The ways after an assignment; no more than `chain` computed assignments follow one another."""
    reads = statement.reads
    names = list(dict.fromkeys(read for read in reads if read is not None))
    computed = not statement.operands[0].literal
    most = max(1, _FOLLOWED // max(1, len(next(iter(ways)))) ** len(names))
    found: dict[Held, float] = {}
    for way, weight in sorted(ways.items(), key=lambda pair: (-pair[1], pair[0]))[:most]:
        bindings = list(itertools.permutations([place for place in way if place[1] < chain], len(names)))
        for binding in bindings:
            bound = dict(zip(names, binding, strict=True))
            depth = max((depth for _, depth in binding), default=0) + computed
            values = [
                int(solver.stored(statement, i)) if read is None else bound[read][0] for i, read in enumerate(reads)
            ]
            value = values[0]
            for i, right in enumerate(values[1:]):
                value = solver.operation(statement, i)[value][right]
            after = tuple(sorted((*way, (value, depth))))
            found[after] = found.get(after, 0.0) + weight / len(bindings)
    names_so_far = len(next(iter(ways)))  # longer than which no chain is
    return found or _assigned(solver, statement, ways, chain=names_so_far)  # none of those followed is so short


def _counts(ways: dict[Held, float], m: int) -> np.ndarray:
    """(ways, m): how many names hold each value."""
    return np.array([np.bincount([value for value, _ in way], minlength=m) for way in ways])


def _worth(solver: Interpreter, query: Statement, held: np.ndarray, likely: np.ndarray, memory: bool) -> np.ndarray:
    """(m,) weights of the results of a query; `held` (ways, m) are the names that may be asked for, by value."""
    m, worth = solver.modulus, []  # of each operand (m,)
    for i, operand in enumerate(query.operands):
        if operand.reads is not None:
            worth.append(likely @ held)
        elif operand.literal or memory:
            worth.append(np.eye(m)[int(solver.stored(query, i))])
        else:
            stored = [entry["value"] for entry in solver.concepts if entry["value"] is not None]
            worth.append(np.bincount(stored, minlength=m))
    total, reads = worth[0], query.reads
    for i, right in enumerate(worth[1:]):
        pairs = np.outer(total, right)
        if i == 0 and None not in reads[:2]:
            same = np.diag(total)
            pairs = same if reads[0] == reads[1] else held.T @ (likely[:, None] * held) - same
        total = np.bincount(np.ravel(solver.operation(query, i)), pairs.ravel(), minlength=m)
    return total
