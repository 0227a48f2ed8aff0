"""Floors: known by hand, and by counting out tiny cases."""

import functools
import itertools
from fractions import Fraction

import numpy as np
import pyarrow.parquet as pq
import pytest

from conftest import FACTS, RECALL, study
from lolameme.data import card
from lolameme.data.dataset import Builder
from lolameme.data.floors import share
from lolameme.study import plugins
from lolameme.tasks.depo.settings import Program
from lolameme.tasks.interpreter import interpreter
from lolameme.tasks.lolameme.settings import Program as RULES

pytestmark = pytest.mark.slow

SIZES = {"train": 50, "valid": 10, "test": 600}
PAIRS = {
    "about": "pairs",
    "task": "mqar",
    "sizes": SIZES,
    "world": {"keys": 32, "values": 32},
    "program": {"pairs": [2, 4], "length": 32},
    "splits": {"more_pairs": {"pairs": [5, 8]}},
}


def floors(tmp_path, variant: dict) -> dict[str, float]:
    made = study(variants={"v": variant})
    Builder(made, "v").write(tmp_path)
    splits = card.describe(made, "v", tmp_path)["splits"]
    return {name: split["floor"] for name, split in splits.items() if name != "train"}


@pytest.mark.parametrize("fillers", [64, 0])
def test_elimination_among_pairs(tmp_path, fillers):
    found = floors(tmp_path, PAIRS | {"world": PAIRS["world"] | {"fillers": fillers}})
    by_hand = {
        split: sum(1 / left for n in sizes for left in range(1, n + 1)) / sum(sizes)
        for split, sizes in (("test", (2, 3, 4)), ("more_pairs", (5, 6, 7, 8)))
    }
    assert [round(value, 3) for value in by_hand.values()] == [0.602, 0.386]
    for split, value in by_hand.items():
        assert found[split] == pytest.approx(value, abs=0.015)


def test_nothing_is_ruled_out_where_answers_are_not_written(tmp_path):
    found = floors(tmp_path, PAIRS | {"answers": "asked", "tokenizer": {"kind": "piece"}})
    drawn = {split: pq.read_table(tmp_path / f"{split}.parquet", columns=["answer"])["answer"] for split in found}
    for split, answers in drawn.items():  # of n values each is asked for once
        assert found[split] == pytest.approx(len(answers) / sum(map(len, answers.to_pylist())))
    assert found["test"] == pytest.approx(3 / (2 + 3 + 4), abs=0.02)


@pytest.mark.parametrize("repeat", [False, True])
def test_recall_of_two_names(tmp_path, repeat):
    """Values are equal in one of ten programs. What was asked is out, unless programs may repeat."""
    program = {"assignments": [2, 2], "queries": [2, 2], "repeat": repeat}
    first = 0.1 + 0.9 / 2
    found = floors(tmp_path, RECALL | {"sizes": SIZES, "program": program})
    assert found["test"] == pytest.approx(first if repeat else (first + 1) / 2, abs=0.03)


def test_what_the_weights_hold_is_no_binding_unless_nothing_else_is_asked(tmp_path):
    mixed = RECALL | {
        "sizes": SIZES,
        "world": {"modulus": 10, "stems": 6, "heads": 6, "globals": 20},
        "program": {"assignments": [4, 4], "queries": [1, 1], "global_share": 0.5},
        "splits": {"globals_only": {"global_share": 1, "assignments": [1, 4]}, "locals_only": {"global_share": 0}},
    }
    found = floors(tmp_path / "mixed", mixed)
    assert found["test"] == pytest.approx((1 + found["locals_only"]) / 2, abs=0.05)
    assert found["globals_only"] < 0.2
    assert floors(tmp_path / "facts", FACTS)["test"] <= 0.1


def test_results_of_operators_are_guessed_from_what_operands_may_be(tmp_path):
    maximum = RECALL | {
        "sizes": SIZES,
        "world": {"modulus": 2, "stems": 8, "heads": 8, "operators": ["max"]},
        "program": {"assignments": [4, 8], "queries": [1, 1], "operands": [2, 2], "repeat": True},
    }
    # of a program with ones and zeros, the maximum of two names is 1 unless both are 0
    assert 0.65 < floors(tmp_path, maximum)["test"] < 0.85


@pytest.mark.parametrize("nodes", [3, 4, 5])
def test_depo_is_counted_out(nodes):
    """All cycles, and all ways to ask twice for a successor: the best guess is counted over the cycles left."""
    names = [f"n{i}" for i in range(nodes)]
    world = {"task": "depo", "nodes": names}
    solver, guesses = interpreter(world), plugins.load("task", "depo", "floor").guesses
    cycles = [
        dict(zip(c, (*c[1:], c[0]), strict=True)) for c in ((0, *r) for r in itertools.permutations(range(1, nodes)))
    ]
    right, best, asked = Fraction(0), Fraction(0), 0
    for follower, (a, b) in itertools.product(cycles, itertools.permutations(range(nodes), 2)):
        edges = " ".join(f"n{x} n{y}" for x, y in follower.items())
        second = guesses(solver, f"{edges} 1 n{a} n{follower[a]} 1 n{b} n{follower[b]}", Program(), True)[1]
        right += Fraction(share(second, f"n{follower[b]}")).limit_denominator(100)
        left = [c[b] for c in cycles if c[a] == follower[a]]
        most = max(map(left.count, left))
        likeliest = {x for x in left if left.count(x) == most}
        best += Fraction(follower[b] in likeliest, len(likeliest))
        asked += 1
    assert right == best
    assert 0 < best / asked <= 1


def drawn(names, chain, operands, asked):
    """All programs of three names over the values 0 and 1, as generated: probability, assignments and queries.

    An assigned expression is a tuple of names, a value written out an integer. Where a chain would get too long, a
    value takes the place of the expression.
    """
    drawn = [(1.0, [], {})]  # probability, statements, depth of names
    for i, name in enumerate(names):
        more = []
        for chance, found, depth in drawn:
            literals = 0.5 if i else 1.0
            for expression in itertools.product(names[:i], repeat=operands):
                deep, share_ = 1 + max(depth[other] for other in expression), 0.5 / i**operands
                if deep > chain:
                    literals += share_
                else:
                    more.append((chance * share_, [*found, (name, expression)], depth | {name: deep}))
            more += [(chance * literals / 2, [*found, (name, value)], depth | {name: 0}) for value in (0, 1)]
        drawn = more
    return [(chance / len(asked), found, queries) for chance, found, _ in drawn for queries in asked]


def shape(expression, answer=""):
    """What can be seen without telling names: values, and which operands of an expression are alike."""
    return expression if isinstance(expression, int) else (*map(expression.index, expression), answer)


NAMES = ["hereAre", "someNames", "ofThree"]


@pytest.mark.parametrize(
    ("chain", "operands", "asked"),
    [
        (1, 1, list(itertools.permutations([(name,) for name in NAMES]))),
        (2, 1, list(itertools.permutations([(name,) for name in NAMES]))),
        (2, 2, [[pair] for pair in itertools.product(NAMES, repeat=2)]),
        (0, 2, [[pair] for pair in itertools.product(NAMES, repeat=2)]),
        (2, 2, list(itertools.permutations([(name,) for name in NAMES]))),
    ],
)
def test_programs_are_counted_out(tmp_path, chain, operands, asked):
    """No solver that tells no names does better: the best guess of all programs that look the same, and is reached."""
    variant = RECALL | {"world": {"modulus": 2, "stems": 2, "heads": 2, "operators": ["table"]}}
    world = Builder(study(variants={"v": variant}), "v").task.document()
    solver, guesses = interpreter(world), plugins.load("task", "lolameme", "floor").guesses
    rules = RULES(chain_depth=chain, repeat=False)
    table, words = np.array(world["operators"][0]["tables"][0]), dict(zip(NAMES, solver.names["lola"], strict=False))

    def valued(expression, holds):
        return (
            expression
            if isinstance(expression, int)
            else functools.reduce(lambda a, b: table[a][b], (holds[n] for n in expression))
        )

    def said(expression):
        return str(expression) if isinstance(expression, int) else " + ".join(words[name] for name in expression)

    reached, looks = 0.0, {}
    for chance, found, queries in drawn(NAMES, chain, operands, asked):
        holds = {}
        for name, expression in found:
            holds[name] = int(valued(expression, holds))
        answers = [int(valued(query, holds)) for query in queries]
        text = [f"{words[name]} = {said(expression)};" for name, expression in found]
        text += [f"{said(query)} -> {answer};" for query, answer in zip(queries, answers, strict=True)]
        seen = tuple(shape(expression) for _, expression in found)
        made = guesses(solver, " ".join(text), rules, True)
        for guess, query, answer in zip(made, queries, answers, strict=True):
            reached += chance * share(guess, str(answer))
            seen = (*seen, shape(query))
            looks.setdefault(seen, [0.0, 0.0])[answer] += chance
            seen = (*seen[:-1], shape(query, answer))
    assert reached == pytest.approx(sum(map(max, looks.values())))
    assert reached < len(asked[0])


def test_the_outermost_list_is_all_that_is_read(tmp_path):
    """A table of what was right most often for every look of the outermost list does no better, learned on 6000 others;
    what its digits alone say does worse."""
    lists = {"about": "lists", "task": "listops", "sizes": {"train": 6000, "valid": 10, "test": 2000}}
    lists |= {"program": {"depth": [2, 3], "arguments": [2, 3], "nesting": 0.4}}
    found, looks = floors(tmp_path, lists), {}
    for row in pq.read_table(tmp_path / "train.parquet", columns=["text", "answer"]).to_pylist():
        looks.setdefault(outermost(row["text"]), []).append(row["answer"][0])
    table = {look: max(set(answers), key=answers.count) for look, answers in looks.items()}
    rows = pq.read_table(tmp_path / "test.parquet", columns=["text", "answer"]).to_pylist()
    learned = sum(table.get(outermost(row["text"])) == row["answer"][0] for row in rows) / len(rows)
    flat = card.reached(
        tmp_path / "test.parquet",
        interpreter({"task": "listops", "modulus": 10, "operators": ["MAX", "MIN", "MED", "SM"]}, without="nesting"),
        "0",
    )
    assert found["test"] > learned - 0.01
    assert found["test"] > flat


def outermost(text):
    """The operator, the digits and the number of lists of the outermost list."""
    operator, *words = text.split(" ->")[0].split()
    depth, look = 0, []
    for word in words[:-1]:
        if depth == 0:
            look.append(word if word.isdigit() else "list")
        depth += word.startswith("[") - (word == "]")
    return (operator, *sorted(look))


def test_every_task_brings_its_solver():
    for task in plugins.names("task"):
        assert callable(plugins.load("task", task, "floor").guesses), task
