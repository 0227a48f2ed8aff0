"""Answering Depo without binding: all cycles through the nodes of the prompt that agree with the answers so far.

Cycles of up to 8 nodes are counted out, so nothing better can be done without the edges. Of more nodes, a guess is one
of those that are not the start and were not the answer after as many hops.
"""

import functools
import itertools
from collections import Counter

import numpy as np

from lolameme.tasks.depo.interpreter import Interpreter
from lolameme.tasks.depo.settings import Program
from lolameme.tasks.guessing import Guess

_COUNTED = 8


def guesses(solver: Interpreter, program: str, rules: Program, memory: bool) -> list[Guess]:
    """A guess per query; no weights hold an edge, and no query is asked twice, whatever `rules` and `memory` say."""
    found = solver.statements(program)
    nodes = [s.binds for s in found if s.kind == "assign"]
    place, n = {node: i for i, node in enumerate(nodes)}, len(nodes)
    given: list[tuple[int, int, int]] = []  # hops, start and answer of the queries before
    made = []
    for query in (s for s in found if s.kind == "query"):
        hops, start = query.meaning[0] % n, place[query.meaning[1]]
        guess = _counted(n, hops, start, tuple(given)) if n <= _COUNTED else _excluded(n, hops, start, given)
        made.append({nodes[i]: weight for i, weight in guess.items()})
        if query.value is not None:
            given.append((hops, start, place[program[slice(*query.value)]]))
    return made


def _counted(n: int, hops: int, start: int, given: tuple[tuple[int, int, int], ...]) -> dict[int, float]:
    """Per answer how many cycles say so, of those that agree with what was given."""
    ahead = _cycles(n)  # (cycles, hops, nodes)
    agree = np.ones(len(ahead), bool)
    for k, node, answer in given:
        agree &= ahead[:, k, node] == answer
    return dict(Counter(ahead[agree, hops, start].tolist()))


@functools.cache
def _cycles(n: int) -> np.ndarray:
    """(cycles, n, n): the node that k hops lead to, by cycle, k and node."""
    order = np.array([(0, *rest) for rest in itertools.permutations(range(1, n))])  # (cycles, n)
    follower = np.empty_like(order)
    np.put_along_axis(follower, order, np.roll(order, -1, axis=1), axis=1)
    ahead = [np.broadcast_to(np.arange(n), order.shape)]
    for _ in range(n - 1):
        ahead.append(np.take_along_axis(follower, ahead[-1], axis=1))
    return np.stack(ahead, axis=1)


def _excluded(n: int, hops: int, start: int, given: list[tuple[int, int, int]]) -> dict[int, float]:
    """All nodes but the start, unless the way leads round to it, and but those that as many hops led to already."""
    if not hops:
        return {start: 1.0}
    out = {start, *(answer for k, _, answer in given if k == hops)}
    return {node: 1.0 for node in range(n) if node not in out}
