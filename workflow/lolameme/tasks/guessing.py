"""Guessing without binding: what a solver can say that never links a name to what the prompt binds it to.

The module `floor` of a task's folder has such a solver, `guesses`: it knows the rules of its split, all values in the
prompt and all answers given before, and the weights may hold what they like. It excludes what cannot be the answer any
more. `data.floors` says how often it is right.
"""

from collections import Counter

from lolameme.tasks.interpreter import Statement

Guess = dict[str, float]  # answers, as they are written, with weights that need not sum to 1


def remaining(program: str, found: list[Statement], index: int, once: bool) -> Counter[str]:
    """The values that statements before `index` assign, as they are written, with how often.

    Where nothing is asked `once` more, those that were answered are taken off, as often as they were: names are
    different, so their values are used up. If that leaves nothing, all names were asked for, and it starts anew.
    """
    values = Counter(program[slice(*s.value)] for s in found[:index] if s.kind == "assign")
    if once:
        asked = (s for s in found[:index] if s.kind == "query" and len(s.operands) == 1 and s.reads[0] is not None)
        for query in asked:
            values[program[slice(*query.value)]] -= 1
    left = +values
    return left or Counter(program[slice(*s.value)] for s in found[:index] if s.kind == "assign")
