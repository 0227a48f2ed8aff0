"""Floors: the exact match that the best solver without binding reaches on a split, measured on its data.

Without binding, a name is never linked to what the prompt binds it to. All else is allowed: the solver knows the rules
of the split, the values in the prompt, the answers that were right before (training gives them, too), what cannot be
asked again, the most frequent answer of train, and everything that weights may hold. So a cell above its floor binds;
one that sits there need not have learned more than which values stand in its prompt.

Where no query of a split reads anything in the prompt, recall of what the weights hold is the task itself; there the
solver has no memory either, and guesses among the values that globals have.

A guess that is torn between several answers counts as the share of it that is right.
"""

from pathlib import Path

from lolameme.base.files import read_table
from lolameme.study import plugins
from lolameme.tasks.guessing import Guess
from lolameme.tasks.interpreter import Interpreter


def floor(path: Path, task: str, solver: Interpreter, once: bool, constant: float) -> float:
    """The floor of a written split; at least `constant`, what always giving one answer reaches.

    `once` says that its programs do not ask for the same twice (until nothing else is left).
    """
    guesses = plugins.load("task", task, "floor").guesses
    table = read_table(path, ["text", "answer", "answer_start", "value_start"])
    rows = table.to_pylist()
    memory = any(start >= 0 for row in rows for start in row["value_start"])
    right = total = 0.0
    for row in rows:
        places = [s.value for s in solver.statements(row["text"]) if s.kind == "query"]
        made = dict(zip(places, guesses(solver, row["text"], once, memory), strict=True))
        for answer, begin in zip(row["answer"], row["answer_start"], strict=True):
            right += share(made[begin, begin + len(answer)], answer)
            total += 1
    return max(constant, right / total)


def share(guess: Guess, answer: str) -> float:
    """The share of the likeliest answers that is right: 1 or 0 where one is likeliest, less where several are."""
    most = max(guess.values(), default=0.0)
    likeliest = [text for text, weight in guess.items() if weight > 0.999999 * most]
    return (answer in likeliest) / len(likeliest) if likeliest else 0.0
