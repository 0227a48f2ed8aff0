"""Floors: the exact match that the best solver without binding reaches on a split, measured on its data.

Without binding, a name is never linked to what the prompt binds it to. All else is allowed: the solver knows the rules
of the split, the values in the prompt, the answers that were right before (training gives them, too), what cannot be
asked again, the most frequent answer of train, and everything that weights may hold. So a cell above its floor binds;
one that sits there need not have learned more than which values stand in its prompt.

Where no query of a split reads anything in the prompt, recall of what the weights hold is the task itself; there the
solver has no memory either, and guesses among the values that globals have.

A guess that is torn between several answers counts as the share of it that is right.
"""

from collections import Counter
from pathlib import Path

import pyarrow.compute as pc

from lolameme.base.files import read_json, read_table
from lolameme.data.prompts import row_groups
from lolameme.study import plugins
from lolameme.study.sections import Section
from lolameme.study.variant import BaseVariant
from lolameme.tasks.guessing import Guess
from lolameme.tasks.interpreter import Interpreter, interpreter


def floor(path: Path, task: str, solver: Interpreter, rules: Section, frequent: str) -> float:
    """The floor of a written split; at least what answering at random reaches, or always `frequent`.

    `rules` are the settings that its programs are drawn by.
    """
    guesses = plugins.load("task", task, "floor").guesses
    table = read_table(path, ["text", "answer", "answer_start", "value_start"])
    rows = table.to_pylist()
    memory = any(start >= 0 for row in rows for start in row["value_start"])
    right = usual = total = 0.0
    for row in rows:
        places = [s.value[0] for s in solver.statements(row["text"]) if s.kind == "query"]
        made = dict(zip(places, guesses(solver, row["text"], rules, memory), strict=True))
        for answer, begin in zip(row["answer"], row["answer_start"], strict=True):
            right += share(made[begin], answer)
            usual, total = usual + (answer == frequent), total + 1
    return max(1 / solver.choices, usual / total, right / total)


def floor_of(variant: BaseVariant, split: str, folder: Path) -> tuple[float, int]:
    """The floor of a split of a variant in one world, given its data, and the number of its programs."""
    path, solver = folder / f"{split}.parquet", interpreter(read_json(folder / "world.json"))
    frequent = most_frequent_answer(folder / "train.parquet")
    reached = floor(path, variant.task, solver, variant.programs()[split], frequent)
    return reached, read_table(path, ["id"]).num_rows


def most_frequent_answer(path: Path) -> str:
    """The answer that occurs most in a split; the smallest of several."""
    counts: Counter[str] = Counter()
    for table in row_groups(path, ["answer"]):
        for entry in pc.value_counts(pc.list_flatten(table["answer"])).to_pylist():
            counts[entry["values"]] += entry["counts"]
    return min(counts, key=lambda answer: (-counts[answer], answer))


def share(guess: Guess, answer: str) -> float:
    """The share of the likeliest answers that is right: 1 or 0 where one is likeliest, less where several are."""
    most = max(guess.values(), default=0.0)
    likeliest = [text for text, weight in guess.items() if weight > 0.999999 * most]
    return (answer in likeliest) / len(likeliest) if likeliest else 0.0
